#include "papillon/lorenz/assimilation/sources/gaussian.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <vector>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {
namespace {

Tensor<double> scaled_factor(const Tensor<double>& covariance, double inflation, bool diagonal) {
  if (!(std::isfinite(inflation) && inflation > 0))
    throw ArgumentError(
        fmt::format("gaussian source: inflation is {}; must be positive", inflation));
  Tensor<double> c = covariance;
  if (diagonal && c.rank() == 2 && c.extent(0) == c.extent(1))
    for (std::size_t i = 0; i < c.extent(0); ++i)
      for (std::size_t j = 0; j < c.extent(1); ++j)
        if (i != j) c(i, j) = 0;
  return covariance_factor(c, "static ensemble: B", inflation);
}

class GaussianSource final : public EnsembleSource {
 public:
  GaussianSource(const Tensor<double>& covariance, std::size_t members, double inflation,
                 bool diagonal)
      : l_(scaled_factor(covariance, inflation, diagonal)) {
    if (members < 2)
      throw ArgumentError(
          fmt::format("gaussian source: has {} members; must have 2 or more", members));
    traits_ = {
        fmt::format("gaussian members {} factor {}", members, fmt::join(l_.begin(), l_.end(), " ")),
        l_.extent(0), members, false};
  }
  void fill(const Tensor<double>& backgrounds, std::span<const RandomAddress> addresses,
            Tensor<double>& out) const override {
    const std::size_t d = dimension();
    std::vector<double> e(members() * d);
    for (std::size_t n = 0; n < addresses.size(); ++n) {
      addresses[n].normal(Purpose::static_ensembles, e);
      for (std::size_t m = 0; m < members(); ++m)
        for (std::size_t i = 0; i < d; ++i) {
          double x = backgrounds(n, i);
          for (std::size_t j = 0; j <= i; ++j) x += l_(i, j) * e[m * d + j];
          out[(n * members() + m) * d + i] = x;
        }
    }
  }

 private:
  Tensor<double> l_;
};

class SigmaPointSource final : public EnsembleSource {
 public:
  SigmaPointSource(const Tensor<double>& covariance, double inflation)
      : l_(scaled_factor(covariance, inflation, false)) {
    const double factor = std::sqrt(static_cast<double>(l_.extent(0)) - 0.5);
    for (double& x : l_) x *= factor;
    traits_ = {fmt::format("sigma points {}", fmt::join(l_.begin(), l_.end(), " ")), l_.extent(0),
               2 * l_.extent(0), false};
  }
  void fill(const Tensor<double>& backgrounds, std::span<const RandomAddress> addresses,
            Tensor<double>& out) const override {
    const std::size_t d = dimension();
    for (std::size_t n = 0; n < addresses.size(); ++n)
      for (std::size_t m = 0; m < 2 * d; ++m)
        for (std::size_t i = 0; i < d; ++i)
          out[(n * 2 * d + m) * d + i] =
              backgrounds(n, i) + (m % 2 == 0 ? l_(i, m / 2) : -l_(i, m / 2));
  }

 private:
  Tensor<double> l_;
};

}  // namespace

SourcePointer gaussian_source(const Tensor<double>& covariance, std::size_t members,
                              double deviation_inflation, bool diagonal) {
  return std::make_shared<GaussianSource>(covariance, members, deviation_inflation, diagonal);
}

SourcePointer sigma_point_source(const Tensor<double>& covariance, double deviation_inflation) {
  return std::make_shared<SigmaPointSource>(covariance, deviation_inflation);
}

}  // namespace papillon::inline assimilation
