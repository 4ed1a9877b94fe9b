// Ridge regression in one pass over data that need not fit in memory.
//
// For features x and targets y, both centred, and features standardised (mean 0, standard deviation
// 1 over the rows), the weights minimise
//   1/N sum |y - W x|^2 + lambda |W|^2,   so   W^T = (R + lambda I)^-1 X^T Y / N
// with R = X^T X / N, the correlations of the features. lambda is per sample: it does not have to
// grow with N. docs/surrogate.md derives what is done here.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline surrogate {

// Writes rows first ... first + n - 1: features to x (row i begins at x + i ldx), targets to y
// likewise. Called from several threads at once.
using RowSource = std::function<void(std::size_t first, std::size_t n, double* x, std::size_t ldx,
                                     double* y, std::size_t ldy)>;

// y = offset + weight (x - centre), for features as they are given.
struct RidgeFit {
  Tensor<double> weight;  // [D, F]
  Tensor<double> centre;  // [F], means of the features
  Tensor<double> offset;  // [D], means of the targets
  double lambda = 0;      // per sample
  // sum of l / (l + lambda) over the eigenvalues l of R: 0 to F.
  double degrees_of_freedom = 0;
};

// The decomposed normal equations: any number of lambdas, each at the price of a product.
class RidgeSystem {
 public:
  // lambda: per sample, >= 0. Throws ArgumentError, and NumericalError where double precision
  // cannot tell R + lambda I from a singular matrix; names how many directions have no variance.
  RidgeFit solve(double lambda_per_sample) const;

  // Rows and features of the data.
  std::uint64_t rows() const { return rows_; }
  std::size_t features() const { return centre_.size(); }
  std::size_t constant_features() const { return constant_; }  // their weights are zero
  // Of R, ascending; without the constant features.
  const Tensor<double>& eigenvalues() const { return eigenvalues_; }

 private:
  friend class StreamingRidge;
  std::uint64_t rows_ = 0;
  std::size_t constant_ = 0;
  std::vector<std::size_t> varying_;  // the features that are not constant
  Tensor<double> centre_, scale_;     // [F]
  Tensor<double> offset_;             // [D]
  Tensor<double> eigenvalues_;        // [K], for K varying features
  Tensor<double> vectors_;            // [K, K], one a column
  Tensor<double> projections_;        // [K, D]: vectors^T X^T Y / N
};

// The most memory, in bytes, that a StreamingRidge and the decomposition of what it gives up take.
double ridge_memory(std::size_t features, std::size_t targets);

// Collects the normal equations in double precision, block by block: memory for (F + D)^2 numbers
// and one block, whatever the number of rows, and three times that for the decomposition. Rows are
// first centred and scaled by the moments of the first block, so that nothing cancels in the end.
// The same bits for any number of threads.
class StreamingRidge {
 public:
  // Throws ArgumentError if there are no features or no targets, or more than can be decomposed
  // (32,766).
  StreamingRidge(std::size_t features, std::size_t targets);

  // Adds rows of a source, in blocks over threads. Throws what the source throws.
  void add(std::size_t rows, const RowSource& source);
  // Rows so far.
  std::uint64_t rows() const { return rows_; }
  // Throws ArgumentError with fewer than two rows, NumericalError if a value was not finite. The
  // second gives up what it has collected, for the memory's sake.
  RidgeSystem decompose() const& { return StreamingRidge(*this).decompose(); }
  RidgeSystem decompose() &&;

 private:
  void set_units(std::size_t rows);

  std::size_t features_, targets_, width_;
  std::uint64_t rows_ = 0;
  std::vector<double> centre_, scale_;  // of the first block, [F + D + 1]
  Tensor<double> block_;                // rows [x, y, 1]
  Tensor<double> products_;             // their sum of squares, lower triangle, [F + D + 1] squared
};

}  // namespace papillon::inline surrogate
