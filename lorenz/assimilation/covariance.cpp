#include "papillon/lorenz/assimilation/covariance.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/factorisations.hpp"

namespace papillon::inline assimilation {

Tensor<double> covariance_factor(const Tensor<double>& covariance, const std::string& what,
                                 double deviation_inflation) {
  if (covariance.rank() != 2 || covariance.extent(0) != covariance.extent(1))
    throw ShapeError(
        fmt::format("{} has shape {}; must be [n, n]", what, to_string(covariance.shape())));
  for (std::size_t i = 0; i < covariance.extent(0); ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double below = covariance(i, j), above = covariance(j, i);
      if (!std::isfinite(below) || !std::isfinite(above))
        throw ArgumentError(fmt::format("{} is not finite at ({}, {})", what, i, j));
      const double size = std::sqrt(std::abs(covariance(i, i) * covariance(j, j)));
      if (!(std::abs(below - above) <= 1e-12 * size))
        throw ArgumentError(fmt::format("{} is not symmetric: {} at ({}, {}), {} at ({}, {})", what,
                                        below, i, j, above, j, i));
    }
  try {
    Tensor<double> factor = cholesky(covariance);
    for (double& x : factor) x *= deviation_inflation;
    return factor;
  } catch (const NumericalError& error) {
    throw NumericalError(fmt::format("{}: {}", what, error.what()));
  }
}

}  // namespace papillon::inline assimilation
