#include "papillon/diffusion/oracles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

namespace {

// The inverse of a covariance; throws ArgumentError if it is not positive definite.
Tensor<double> inverse(const Tensor<double>& covariance) {
  const std::size_t n = covariance.extent(0);
  auto identity = Tensor<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) identity(i, i) = 1;
  try {
    if (all_finite(covariance)) return solve_cholesky(cholesky(covariance), identity);
  } catch (const NumericalError&) {
  }
  throw ArgumentError("gaussian_oracle: the covariance is not positive definite");
}

template <class T>
void check_width(const Tensor<T>& z, std::size_t dimension) {
  if (z.rank() != 2 || z.extent(1) != dimension)
    throw ShapeError(fmt::format("oracle: states of shape {}; must be [N, {}]",
                                 to_string(z.shape()), dimension));
}

}  // namespace

template <class T>
DenoisingModel<T> gaussian_oracle(const std::vector<double>& mean,
                                  const std::vector<double>& variance,
                                  const NoiseSchedule& schedule, Head head) {
  auto covariance = Tensor<double>::zeros({variance.size(), variance.size()});
  for (std::size_t i = 0; i < variance.size(); ++i) covariance(i, i) = variance[i];
  return gaussian_oracle<T>(mean, covariance, schedule, head);
}

template <class T>
DenoisingModel<T> gaussian_oracle(const std::vector<double>& mean, const Tensor<double>& covariance,
                                  const NoiseSchedule& schedule, Head head) {
  const std::size_t dimension = mean.size();
  if (covariance.rank() != 2 || covariance.extent(0) != dimension ||
      covariance.extent(1) != dimension)
    throw ShapeError(fmt::format("gaussian_oracle: covariance of shape {}; must be [{}, {}]",
                                 to_string(covariance.shape()), dimension, dimension));
  for (std::size_t i = 0; i < dimension; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (covariance(i, j) != covariance(j, i))
        throw ArgumentError("gaussian_oracle: the covariance is not symmetric");
  inverse(covariance);  // for its check
  check_head(head, schedule);

  // With P = (alpha^2 C + sigma^2)^-1 and r = z - alpha mean: E[e | z] = sigma P r and
  // E[x | z] = mean + alpha C P r. Both keep their digits as sigma or alpha goes to 0.
  auto denoiser = [=](const Tensor<T>& z, int t) {
    check_width(z, dimension);
    const double alpha = schedule.alpha(t), sigma = schedule.sigma(t);
    const auto target = target_coefficients(head, alpha, sigma);
    Tensor<double> a = covariance;
    for (double& c : a) c *= alpha * alpha;
    for (std::size_t i = 0; i < dimension; ++i) a(i, i) += sigma * sigma;
    const Tensor<double> p = inverse(a);
    auto gain = Tensor<double>::zeros({dimension, dimension});  // the prediction's, of r
    for (std::size_t i = 0; i < dimension; ++i)
      for (std::size_t j = 0; j < dimension; ++j) {
        double cp = 0;
        for (std::size_t k = 0; k < dimension; ++k) cp += covariance(i, k) * p(k, j);
        gain(i, j) = target.eps * sigma * p(i, j) + target.x * alpha * cp;
      }
    Tensor<T> out(z.shape());
    for (std::size_t n = 0; n < z.extent(0); ++n)
      for (std::size_t i = 0; i < dimension; ++i) {
        double sum = target.x * mean[i];
        for (std::size_t j = 0; j < dimension; ++j)
          sum += gain(i, j) * (static_cast<double>(z(n, j)) - alpha * mean[j]);
        out(n, i) = static_cast<T>(sum);
      }
    return out;
  };
  return {std::move(denoiser), schedule, head};
}

template <class T>
DenoisingModel<T> kernel_density_oracle(const Tensor<T>& states, double bandwidth,
                                        const NoiseSchedule& schedule, Head head) {
  if (states.rank() != 2 || states.empty())
    throw ShapeError(fmt::format("kernel_density_oracle: states of shape {}; must be [M, D]",
                                 to_string(states.shape())));
  if (!(bandwidth >= 0 && std::isfinite(bandwidth)))
    throw ArgumentError(
        fmt::format("kernel_density_oracle: bandwidth {}; must not be negative", bandwidth));
  check_head(head, schedule);
  const std::size_t count = states.extent(0), dimension = states.extent(1);

  // Under kernel i, z is N(alpha x_i, v) with v = alpha^2 b^2 + sigma^2. With weights w_i that are
  // proportional to these densities, and xbar = sum w_i x_i: E[e | z] = sigma (z - alpha xbar) / v
  // and E[x | z] = xbar + alpha b^2 (z - alpha xbar) / v.
  auto denoiser = [=](const Tensor<T>& z, int t) {
    check_width(z, dimension);
    const double alpha = schedule.alpha(t), sigma = schedule.sigma(t);
    const auto target = target_coefficients(head, alpha, sigma);
    const double v = alpha * alpha * bandwidth * bandwidth + sigma * sigma;
    if (v == 0) throw ArgumentError("kernel_density_oracle: no density at t = 0 with bandwidth 0");
    Tensor<T> out(z.shape());
    parallel_for(z.extent(0), [&](std::size_t n) {
      const T* row = z.data() + n * dimension;
      std::vector<double> exponent(count), xbar(dimension, 0.0);
      double largest = -std::numeric_limits<double>::infinity(), total = 0;
      for (std::size_t i = 0; i < count; ++i) {
        double distance = 0;
        for (std::size_t d = 0; d < dimension; ++d) {
          const double difference =
              static_cast<double>(row[d]) - alpha * static_cast<double>(states(i, d));
          distance += difference * difference;
        }
        exponent[i] = -0.5 * distance / v;
        largest = std::max(largest, exponent[i]);
      }
      for (std::size_t i = 0; i < count; ++i) {
        const double weight = std::exp(exponent[i] - largest);
        total += weight;
        for (std::size_t d = 0; d < dimension; ++d)
          xbar[d] += weight * static_cast<double>(states(i, d));
      }
      for (std::size_t d = 0; d < dimension; ++d) {
        const double mean = xbar[d] / total;
        const double r = (static_cast<double>(row[d]) - alpha * mean) / v;
        out(n, d) = static_cast<T>(target.eps * sigma * r +
                                   target.x * (mean + alpha * bandwidth * bandwidth * r));
      }
    });
    return out;
  };
  return {std::move(denoiser), schedule, head};
}

#define PAPILLON_INSTANTIATE(T)                                                                    \
  template DenoisingModel<T> gaussian_oracle(                                                      \
      const std::vector<double>&, const std::vector<double>&, const NoiseSchedule&, Head);         \
  template DenoisingModel<T> gaussian_oracle(const std::vector<double>&, const Tensor<double>&,    \
                                             const NoiseSchedule&, Head);                          \
  template DenoisingModel<T> kernel_density_oracle(const Tensor<T>&, double, const NoiseSchedule&, \
                                                   Head);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
