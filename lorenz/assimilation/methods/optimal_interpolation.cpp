#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

namespace papillon::inline assimilation {
namespace {

void report_variances(const AnalysisCase& analysis, const Tensor<double>& b, ConstRows gain) {
  const std::size_t d = b.extent(0);
  if (!analysis.report.background.data) return;
  for (std::size_t i = 0; i < d; ++i) {
    analysis.report.background[0][i] = b(i, i);
    double variance = b(i, i);
    for (std::size_t j = 0; j < gain.count; ++j) variance -= gain[j][i] * gain[j][i];
    analysis.report.analysis[0][i] = variance;
  }
}

}  // namespace

void optimal_interpolation_analysis(AnalysisCase& analysis, const Tensor<double>& b,
                                    Arena& memory) {
  const Observation& observed = *analysis.observations;
  const std::size_t d = analysis.states.width, p = observed.count(),
                    all = observed.model().observations();
  const Rows bh = memory.rows(p, d);  // rows: H B, and then L^-1 H B
  if (p == 0) return report_variances(analysis, b, bh);
  const Rows h = memory.rows(all, d), innovation = memory.rows(1, p);
  observed.model().h().jacobian(analysis.states[0], h.data);
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < d; ++k) sum += h[observed.which()[i]][k] * b(k, j);
      bh[i][j] = sum;
    }
  double* s = memory.take(p * p);  // H B H^T + R = L L^T
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = observed.error_covariance(i, j);
      for (std::size_t k = 0; k < d; ++k) sum += bh[i][k] * h[observed.which()[j]][k];
      s[i * p + j] = sum;
    }
  if (!small::cholesky(s, p))
    throw AnalysisError(AssimilationFailure::singular,
                        "optimal interpolation: H B H^T + R is not positive definite");
  observed.predict(analysis.states, innovation, memory);
  for (std::size_t i = 0; i < p; ++i) innovation[0][i] = observed.values()[i] - innovation[0][i];
  small::solve_lower(s, p, innovation[0]);
  for (std::size_t j = 0; j < d; ++j) {  // L^-1 H B, column by column
    for (std::size_t i = 0; i < p; ++i) {
      for (std::size_t k = 0; k < i; ++k) bh[i][j] -= s[i * p + k] * bh[k][j];
      bh[i][j] /= s[i * p + i];
    }
  }
  for (std::size_t i = 0; i < p; ++i)
    for (std::size_t j = 0; j < d; ++j) analysis.states[0][j] += bh[i][j] * innovation[0][i];
  report_variances(analysis, b, bh);
}

MethodPointer optimal_interpolation(const Tensor<double>& covariance, double deviation_inflation,
                                    std::vector<double> first_guess) {
  if (!(deviation_inflation > 0))
    throw ArgumentError("optimal interpolation: the inflation is not positive; must be positive");
  covariance_factor(covariance, "optimal interpolation: B");  // throws if it is not a covariance
  const std::size_t d = covariance.extent(0);
  if (!first_guess.empty() && first_guess.size() != d)
    throw ShapeError(
        fmt::format("optimal interpolation: the first guess has {} components; must have {}",
                    first_guess.size(), d));
  Tensor<double> b = covariance;
  for (double& x : b) x *= deviation_inflation * deviation_inflation;
  MethodTraits traits{"optimal_interpolation", fmt::format("optimal_interpolation B {}",
                                                           fmt::join(b.begin(), b.end(), " "))};
  if (!first_guess.empty())
    traits.description += fmt::format(" first guess {}", fmt::join(first_guess, " "));
  traits.uncertainty = Uncertainty::gaussian;
  traits.dimension = d;
  return make_method(std::move(traits), [b, first_guess](AnalysisCase& analysis, Arena& memory) {
    if (analysis.observations->count() > 0)
      std::copy(first_guess.begin(), first_guess.end(), analysis.states[0]);
    optimal_interpolation_analysis(analysis, b, memory);
  });
}

}  // namespace papillon::inline assimilation
