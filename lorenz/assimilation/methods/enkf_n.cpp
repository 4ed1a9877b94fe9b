#include "papillon/lorenz/assimilation/methods/enkf_n.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

namespace papillon::inline assimilation {
namespace {

// The dual cost, in terms of the singular values sigma_k of Y and the projections delta_k of the
// innovation; what does not depend on zeta is left out.
struct Dual {
  std::size_t rank;
  const double *sigma, *delta;
  double exponent, epsilon;

  double value(double zeta) const {
    double sum = epsilon * zeta - exponent * std::log(zeta);
    for (std::size_t k = 0; k < rank; ++k)
      sum += delta[k] * delta[k] * zeta / (zeta + sigma[k] * sigma[k]);
    return sum / 2;
  }
  // zeta times the derivative, times two: of the same sign.
  double slope(double zeta) const {
    double sum = epsilon * zeta - exponent;
    for (std::size_t k = 0; k < rank; ++k) {
      const double r = delta[k] * sigma[k] / (zeta + sigma[k] * sigma[k]);
      sum += zeta * r * r;
    }
    return sum;
  }
};

struct Prior {
  double epsilon, exponent;
};

Prior prior(double members, const Spectrum& spectrum, const EnkfNOptions& options) {
  double epsilon = options.known_mean ? 1 : 1 + 1 / members;
  double exponent = members + options.gauge;
  if (!options.without_mode_correction) {
    double weight = members - static_cast<double>(spectrum.rank);
    for (std::size_t k = 0; k < spectrum.rank; ++k)
      weight += 1 / (1 + spectrum.s[k] * spectrum.s[k]);
    const double correction = std::pow(epsilon * (members - 1) / exponent, weight / members / 2);
    epsilon /= correction;
    exponent *= correction;
  }
  return {epsilon * options.certainty, exponent * options.certainty};
}

double root_between(const Dual& dual, double low, double high) {  // slope(low) < 0 <= slope(high)
  for (int i = 0; i < 200 && high - low > 4e-16 * high; ++i) {
    const double middle = 0.5 * (low + high);
    (dual.slope(middle) < 0 ? low : high) = middle;
  }
  return high;
}

// The global minimum. All stationary points lie between the ends: with sigma / (zeta + sigma^2) <=
// 1 / sigma, the slope is negative below the first; it is not at the second. There may be several,
// where an innovation is far out; a grid in log(zeta) tells them apart.
double minimise(const Dual& dual) {
  double low = dual.epsilon;
  for (std::size_t k = 0; k < dual.rank; ++k)
    low += dual.delta[k] * dual.delta[k] / (dual.sigma[k] * dual.sigma[k]);
  low = dual.exponent / low;
  const double high = dual.exponent / dual.epsilon;
  constexpr int points = 40;
  const double step = std::log(high / low) / points;
  double best = high, best_value = std::numeric_limits<double>::infinity();
  double left = low, left_slope = dual.slope(low);
  for (int i = 1; i <= points; ++i) {
    const double right = i == points ? high : low * std::exp(step * i);
    const double right_slope = dual.slope(right);
    if ((left_slope < 0 && right_slope >= 0) || (i == points && right_slope < 0)) {
      const double zeta = right_slope >= 0 ? root_between(dual, left, right) : right;
      if (const double value = dual.value(zeta); value < best_value) {
        best = zeta;
        best_value = value;
      }
    }
    left = right;
    left_slope = right_slope;
  }
  return best;
}

// C^-1/2 in the space of the v_k: V^T f(C) V - scale I, [rank, rank].
double* transform_in_span(std::size_t rank, const double* sigma, const double* w, double curvature,
                          double rank_one, double scale, Arena& memory) {
  double *c = memory.take(rank * rank), *vt = memory.take(rank * rank);
  double *values = memory.take(rank), *out = memory.zeros(rank * rank);
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t j = 0; j < rank; ++j)
      c[i * rank + j] = (i == j ? sigma[i] * sigma[i] + curvature : 0.0) - rank_one * w[i] * w[j];
  bool good = small::symmetric_eigen(c, rank, values, vt);
  for (std::size_t k = 0; good && k < rank; ++k) good = values[k] > 0;
  if (!good)
    throw AnalysisError(AssimilationFailure::singular,
                        "enkf_n: the Hessian of the cost is not positive definite");
  for (std::size_t k = 0; k < rank; ++k)
    for (std::size_t i = 0; i < rank; ++i)
      for (std::size_t j = 0; j < rank; ++j)
        out[i * rank + j] += vt[k * rank + i] * vt[k * rank + j] / std::sqrt(values[k]);
  for (std::size_t i = 0; i < rank; ++i) out[i * rank + i] -= scale;
  return out;
}

}  // namespace

void enkf_n_analysis(AnalysisCase& analysis, const EnkfNOptions& options, Arena& memory) {
  const Observation& observed = *analysis.observations;
  if (observed.count() == 0) return;
  const MeanAndAnomalies x = split_mean(analysis.states, memory);
  const Spectrum spectrum = decompose(analysis.states, observed, memory);

  const double members = static_cast<double>(analysis.states.count);
  const std::size_t rank = spectrum.rank, d = analysis.states.width;
  double *sigma = memory.take(rank), *delta = memory.take(rank), *w = memory.take(rank);
  for (std::size_t k = 0; k < rank; ++k) {
    sigma[k] = spectrum.s[k] * std::sqrt(members - 1);
    delta[k] = spectrum.projections[k][0];
  }
  const auto [epsilon, exponent] = prior(members, spectrum, options);
  const double zeta = minimise({rank, sigma, delta, exponent, epsilon});
  double squares = epsilon;  // epsilon_N + w.w
  for (std::size_t k = 0; k < rank; ++k) {
    w[k] = sigma[k] * delta[k] / (zeta + sigma[k] * sigma[k]);
    squares += w[k] * w[k];
  }
  const double curvature = exponent / squares;
  const double rank_one = options.partial_hessian ? 0 : 2 * curvature / squares;
  const double scale = 1 / std::sqrt(curvature);
  const double* g = transform_in_span(rank, sigma, w, curvature, rank_one, scale, memory);
  move_mean(x.mean, x.anomalies, spectrum, w);

  // x_m <- sqrt(M-1) (scale x_m + sum_jk v_j[m] g_jk q_k), q_k = sum_m v_k[m] x_m
  const Rows q = memory.rows(rank, d), gq = memory.rows(rank, d);
  std::ranges::fill(gq.values(), 0.0);
  for (std::size_t k = 0; k < rank; ++k) combine_members(x.anomalies, spectrum.v[k], q[k]);
  for (std::size_t j = 0; j < rank; ++j)
    for (std::size_t k = 0; k < rank; ++k)
      for (std::size_t i = 0; i < d; ++i) gq[j][i] += g[j * rank + k] * q[k][i];
  const double norm = std::sqrt(members - 1) * options.analysis_anomaly_inflation;
  for (std::size_t m = 0; m < analysis.states.count; ++m)
    for (std::size_t i = 0; i < d; ++i) {
      double sum = scale * x.anomalies[m][i];
      for (std::size_t j = 0; j < rank; ++j) sum += spectrum.v[j][m] * gq[j][i];
      x.anomalies[m][i] = norm * sum;
    }
  if (options.rotate) rotate_anomalies(x.anomalies, analysis.random, memory);
  join_mean(x, analysis.states);
}

MethodPointer enkf_n(std::size_t members, const EnkfNOptions& options) {
  if (members < 2) throw ArgumentError(fmt::format("enkf_n: {} members; needs 2 or more", members));
  if (!(options.analysis_anomaly_inflation > 0 && options.certainty > 0) || options.gauge < 0)
    throw ArgumentError(
        "enkf_n: inflation and certainty must be positive, gauge must not be negative");
  return make_method(
      {"enkf_n",
       fmt::format("enkf_n members {} uncertain_mean {} gauge {} mode_correction {} certainty {} "
                   "full_hessian {} analysis_anomaly_inflation {} rotate {}",
                   members, !options.known_mean, options.gauge, !options.without_mode_correction,
                   options.certainty, !options.partial_hessian, options.analysis_anomaly_inflation,
                   options.rotate),
       members},
      [options](AnalysisCase& analysis, Arena& memory) {
        enkf_n_analysis(analysis, options, memory);
      });
}

}  // namespace papillon::inline assimilation
