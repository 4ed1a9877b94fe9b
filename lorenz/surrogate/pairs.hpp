// What a surrogate is fitted to: pairs of a state and how far it moves in a given time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/random.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::inline surrogate {

struct PairOptions {
  std::size_t lead = 10;                           // steps of the trajectory from state to target
  std::uint64_t samples = std::uint64_t{1} << 18;  // pairs
  double corruption = 0;   // standard deviation of the noise on targets, in normalised units
  std::uint64_t seed = 0;  // which pairs, and their noise
};

// A random subset, without repetition, of all pairs (x(t), x(t + lead)) of a set of trajectories.
// The first n pairs of a seed are the same whatever `samples` is. Takes no memory of its own: pair
// i is found from its number.
class TrainingPairs {
 public:
  // states: [members, times, D] in physical units, which must outlive this. Throws ArgumentError,
  // and InputError where the trajectories are too short or too few.
  TrainingPairs(const Tensor<float>& states, std::vector<double> shift, std::vector<double> scale,
                const PairOptions& options);
  TrainingPairs(const Tensor<float>&&, std::vector<double>, std::vector<double>,
                const PairOptions&) = delete;

  // Number of pairs, and components of a state.
  std::uint64_t size() const { return options_.samples; }
  std::size_t dimension() const { return shift_.size(); }

  // Pairs first ... first + n - 1: normalised states to x and their normalised increments, noise
  // included, to y; rows are ldx and ldy apart.
  void read(std::uint64_t first, std::size_t n, double* x, std::size_t ldx, double* y,
            std::size_t ldy) const;

 private:
  const Tensor<float>* states_;
  std::vector<double> shift_, scale_;
  PairOptions options_;
  std::size_t starts_;  // of each member
  IndexPermutation order_;
};

}  // namespace papillon::inline surrogate
