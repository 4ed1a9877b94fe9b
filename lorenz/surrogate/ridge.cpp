#include "papillon/lorenz/surrogate/ridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/tensor/allocator.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"

namespace papillon::inline surrogate {
namespace {

constexpr std::size_t block_rows = 4096;
// The triangle of products is cut into squares of about this width; each is one task.
constexpr std::size_t panel_width = 256;
constexpr std::size_t most_features = 32766;  // that LAPACK's workspace can be counted for
// A feature whose standard deviation is below this part of its largest value does not vary: what is
// left is rounding of features that were computed in single precision.
constexpr double constant_below = 1e-7;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

PAPILLON_CLONES
void standardise(std::size_t n, std::size_t width, const double* centre, const double* factor,
                 double* rows) {
  for (std::size_t r = 0; r < n; ++r, rows += width)
    for (std::size_t i = 0; i < width; ++i) rows[i] = (rows[i] - centre[i]) * factor[i];
}

}  // namespace

double ridge_memory(std::size_t features, std::size_t targets) {
  const double width = static_cast<double>(features + targets + 1), square = width * width;
  // Products and correlations beside a block, or a matrix and twice as much for LAPACK.
  return sizeof(double) * std::max(2 * square + block_rows * width, 3 * square);
}

StreamingRidge::StreamingRidge(std::size_t features, std::size_t targets)
    : features_(features), targets_(targets), width_(features + targets + 1) {
  if (features == 0 || targets == 0)
    throw ArgumentError(fmt::format("ridge: there are {} features and {} targets; must be some",
                                    features, targets));
  if (features > most_features)
    throw ArgumentError(fmt::format("ridge: {} features; no more than {} can be decomposed",
                                    features, most_features));
}

// Means and inverse standard deviations of the first block; columns that do not vary keep 1.
void StreamingRidge::set_units(std::size_t rows) {
  const double n = static_cast<double>(rows);
  centre_.assign(width_, 0.0);
  scale_.assign(width_, 0.0);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i + 1 < width_; ++i) centre_[i] += block_(r, i) / n;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i + 1 < width_; ++i)
      scale_[i] += (block_(r, i) - centre_[i]) * (block_(r, i) - centre_[i]) / n;
  for (double& s : scale_) s = s > 0 ? 1 / std::sqrt(s) : 1;
}

void StreamingRidge::add(std::size_t rows, const RowSource& source) {
  const std::size_t width = width_;
  if (products_.empty()) products_ = Tensor<double>::zeros({width, width});
  const SingleThreadedBlas guard;
  for (std::size_t begin = 0; begin < rows; begin += block_rows) {
    const std::size_t n = std::min(block_rows, rows - begin), tiles = tile_count(n);
    block_.resize({n, width});
    const auto rows_of = [&](std::size_t tile) { return std::min(row_tile, n - tile * row_tile); };
    const auto at = [&](std::size_t tile) { return block_.data() + tile * row_tile * width; };
    const auto rescale = [&](std::size_t tile) {
      standardise(rows_of(tile), width, centre_.data(), scale_.data(), at(tile));
    };
    const bool first = centre_.empty();
    parallel_for(tiles, [&](std::size_t tile) {
      double* x = at(tile);
      source(begin + tile * row_tile, rows_of(tile), x, width, x + features_, width);
      for (std::size_t r = 0; r < rows_of(tile); ++r) x[r * width + width - 1] = 1;
      if (!first) rescale(tile);
    });
    if (first) {
      set_units(n);
      parallel_for(tiles, rescale);
    }
    // products += block^T block, one square of the lower triangle a task.
    const std::size_t panels = (width + panel_width - 1) / panel_width;
    const std::size_t step = ((width + panels - 1) / panels + 7) / 8 * 8;
    parallel_for(panels * (panels + 1) / 2, [&](std::size_t task) {
      std::size_t row = 0;
      while ((row + 1) * (row + 2) / 2 <= task) ++row;
      const std::size_t i = row * step, j = (task - row * (row + 1) / 2) * step;
      if (i >= width) return;
      const std::size_t height = std::min(step, width - i);
      const double* a = block_.data();
      double* c = products_.data() + i * width + j;
      if (i == j)
        syrk(height, n, 1.0, a + i, width, 1.0, c, width);
      else
        gemm(Transpose::yes, Transpose::no, height, step, n, 1.0, a + i, width, a + j, width, 1.0,
             c, width);
    });
    rows_ += n;
  }
}

RidgeSystem StreamingRidge::decompose() && {
  if (rows_ < 2)
    throw ArgumentError(fmt::format("ridge: there are {} rows; must be two or more", rows_));
  const std::size_t last = width_ - 1;
  for (std::size_t i = 0; i < width_; ++i)
    if (!std::isfinite(products_(last, i)) || !std::isfinite(products_(i, i)))
      throw NumericalError(i < features_
                               ? fmt::format("ridge: feature {} is not finite in some row", i)
                               : fmt::format("ridge: target {} is not finite", i - features_));
  // In the units of the first block: means, and standard deviations over all rows.
  const double n = static_cast<double>(rows_);
  std::vector<double> mean(width_), deviation(width_);
  for (std::size_t i = 0; i < last; ++i) {
    mean[i] = products_(last, i) / n;
    deviation[i] = std::sqrt(std::max(0.0, products_(i, i) / n - mean[i] * mean[i]));
  }
  RidgeSystem system;
  system.rows_ = rows_;
  system.centre_ = Tensor<double>(Shape{features_});
  system.scale_ = Tensor<double>(Shape{features_});
  system.offset_ = Tensor<double>(Shape{targets_});
  for (std::size_t i = 0; i < features_; ++i) {
    system.centre_[i] = centre_[i] + mean[i] / scale_[i];
    system.scale_[i] = deviation[i] / scale_[i];
    if (system.scale_[i] > constant_below * std::abs(system.centre_[i]))
      system.varying_.push_back(i);
  }
  for (std::size_t k = 0; k < targets_; ++k)
    system.offset_[k] = centre_[features_ + k] + mean[features_ + k] / scale_[features_ + k];
  system.constant_ = features_ - system.varying_.size();

  const std::size_t count = system.varying_.size();
  Tensor<double> correlations = Tensor<double>::zeros({count, count});  // the lower triangle
  Tensor<double> covariance(Shape{count, targets_});
  for (std::size_t p = 0; p < count; ++p) {
    const std::size_t i = system.varying_[p];
    for (std::size_t q = 0; q <= p; ++q) {
      const std::size_t j = system.varying_[q];
      correlations(p, q) =
          (products_(i, j) / n - mean[i] * mean[j]) / (deviation[i] * deviation[j]);
    }
    for (std::size_t k = 0; k < targets_; ++k) {
      const std::size_t j = features_ + k;
      covariance(p, k) = (products_(j, i) / n - mean[i] * mean[j]) / deviation[i] / scale_[j];
    }
  }
  products_ = {};
  block_ = {};
  release_cached_memory();  // LAPACK takes its own from elsewhere
  SymmetricEigen eigen = symmetric_eigen(std::move(correlations));
  const SingleThreadedBlas guard;
  system.projections_ = matmul(eigen.vectors, covariance, Transpose::yes);
  system.eigenvalues_ = std::move(eigen.values);
  system.vectors_ = std::move(eigen.vectors);
  return system;
}

RidgeFit RidgeSystem::solve(double lambda) const {
  if (!std::isfinite(lambda) || lambda < 0)
    throw ArgumentError(fmt::format("ridge: lambda is {}; must not be negative", lambda));
  const std::size_t count = varying_.size(), all = features(), targets = offset_.size();
  const double largest = count > 0 ? eigenvalues_[count - 1] : 0;
  // What the decomposition resolves: eigenvalues to about the rounding of the largest, and the rank
  // (where there is no lambda to cover it) to F times that.
  const double resolution =
      lambda > 0 ? epsilon * largest : epsilon * largest * static_cast<double>(all);
  const auto flat = std::count_if(eigenvalues_.begin(), eigenvalues_.end(), [&](double l) {
    return std::max(l, 0.0) + lambda <= resolution;
  });
  if (flat > 0 || (lambda == 0 && constant_ > 0))
    throw NumericalError(fmt::format(
        "ridge: with lambda {:g}, {} of {} directions of the features have no variance in {} "
        "samples that double precision could tell from zero; lambda must be at least {:.0e}",
        lambda, static_cast<std::size_t>(flat) + constant_, all, rows_,
        std::max(10 * epsilon * largest, 1e-12)));
  RidgeFit fit{Tensor<double>::zeros({targets, all}), centre_, offset_, lambda, 0};
  Tensor<double> filtered = projections_;
  for (std::size_t p = 0; p < count; ++p) {
    const double l = std::max(eigenvalues_[p], 0.0);
    fit.degrees_of_freedom += l / (l + lambda);
    for (std::size_t k = 0; k < targets; ++k) filtered(p, k) /= l + lambda;
  }
  const SingleThreadedBlas guard;
  const Tensor<double> w = matmul(vectors_, filtered);  // [K, D], for standardised features
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t k = 0; k < targets; ++k)
      fit.weight(k, varying_[p]) = w(p, k) / scale_[varying_[p]];
  return fit;
}

}  // namespace papillon::inline surrogate
