// Sums for the scores of a twin experiment. Each trajectory adds to its own rows, in the order of
// time: the same sums for any number of threads.
#pragma once

#include <array>

#include "papillon/lorenz/assimilation/scores.hpp"
#include "papillon/tensor/arena.hpp"

namespace papillon::inline assimilation {

// The uncertainty of a state: an ensemble [M, D], variances [1, D], or neither.
struct StateUncertainty {
  ConstRows ensemble{}, variance{};
};

class ScoreSums {
 public:
  struct Layout {
    std::size_t trajectories, batches, dimension;
    std::size_t members;  // of the ensembles with ranks; 0: none
    std::size_t leads;    // along the window
    bool crps;            // and ranks
    std::vector<double> scale;
  };

  ScoreSums() = default;
  explicit ScoreSums(Layout layout);
  const Layout& layout() const { return layout_; }

  enum Which { background, analysis };
  // x [D], the mean of the ensemble or the single state; batch b of trajectory k.
  void add(Which which, std::size_t k, std::size_t b, const double* x, const double* truth,
           const StateUncertainty& uncertainty, Arena& memory);
  void add_lead(std::size_t lead, std::size_t k, std::size_t b, const double* x,
                const double* truth);

  // steps_of_lead: for TwinScores::along_window. Throws ArgumentError if nothing was added.
  TwinScores scores(std::size_t steps_of_lead) const;

  // All sums by name, for checkpoints.
  std::vector<std::pair<const char*, Tensor<double>*>> tensors();
  std::vector<std::pair<const char*, const Tensor<double>*>> tensors() const;

 private:
  // Places in a row of sums_.
  static constexpr std::size_t count = 0, rmse = 1, spread = 2, first_error = 3;
  std::size_t width() const { return first_error + 4 * layout_.dimension; }
  double* row(Which which, std::size_t k, std::size_t b) {
    return sums_[which].data() + (k * layout_.batches + b) * width();
  }
  StateScores state_scores(Which which) const;

  Layout layout_;
  std::array<Tensor<double>, 2> sums_;   // [K, B, width]: counts, roots, error, square, variance,
                                         // crps
  std::array<Tensor<double>, 2> ranks_;  // [K, D, M + 1]
  Tensor<double> covariance_, error_covariance_;  // [K, D, D], of the background
  Tensor<double> leads_;                          // [K, B, leads, 3]: count, square, root
};

}  // namespace papillon::inline assimilation
