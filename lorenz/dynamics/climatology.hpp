// Mean, standard deviation and covariance of states, however many there are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline dynamics {

// Accumulated in double over blocks of rows, each centred on its own mean, and merged by the
// pairwise update of Chan, Golub and LeVeque (1979): no cancellation, and the same bits for any
// number of threads.
class Climatology {
 public:
  // Throws ArgumentError if the dimension is 0.
  explicit Climatology(std::size_t dimension);

  // Rows of `dimension` values each; throws ShapeError if there is an incomplete one.
  template <class T>
  void add(std::span<const T> rows);
  void merge(const Climatology& other);

  // Components of a row, rows so far, and their mean [dimension].
  std::size_t dimension() const { return mean_.size(); }
  std::uint64_t count() const { return count_; }
  const std::vector<double>& mean() const { return mean_; }
  // Divided by count - 1; these throw ArgumentError with fewer than two rows.
  Tensor<double> covariance() const;
  std::vector<double> standard_deviation() const;

 private:
  template <class T>
  void add_block(const T* rows, std::size_t count);

  std::uint64_t count_ = 0;
  std::vector<double> mean_;
  std::vector<double> scatter_;  // sum of (x - mean)(x - mean)^T, [dimension, dimension]
};

// Over all axes but the last, which is the component.
template <class T>
Climatology climatology(const Tensor<T>& states);

}  // namespace papillon::inline dynamics
