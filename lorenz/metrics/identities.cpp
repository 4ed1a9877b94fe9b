#include "papillon/lorenz/metrics/identities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline metrics {

MomentIdentities moment_identities(const Climatology& states, const Lorenz63& system) {
  if (states.dimension() != 3)
    throw ShapeError(
        fmt::format("identities: states have {} components; must have 3", states.dimension()));
  const Tensor<double> covariance = states.covariance();
  const std::vector<double>& mean = states.mean();
  const double count = static_cast<double>(states.count());
  const auto moment = [&](std::size_t i, std::size_t j) {
    return covariance(i, j) * (count - 1) / count + mean[i] * mean[j];
  };
  const double xx = moment(0, 0), xy = moment(0, 1), yy = moment(1, 1), zz = moment(2, 2);
  const double z = mean[2], beta = system.beta, rho = system.rho;
  MomentIdentities result;
  result.errors = {
      mean[0] / std::sqrt(covariance(0, 0)),
      mean[1] / std::sqrt(covariance(1, 1)),
      (xy - xx) / std::max(std::abs(xy), std::abs(xx)),
      (xy - beta * z) / std::max(std::abs(xy), std::abs(beta * z)),
      (yy - rho * xx + beta * zz) / std::max({yy, std::abs(rho * xx), std::abs(beta * zz)}),
  };
  for (const double e : result.errors) result.worst = std::max(result.worst, std::abs(e));
  return result;
}

}  // namespace papillon::inline metrics
