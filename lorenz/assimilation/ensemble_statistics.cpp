#include "papillon/lorenz/assimilation/ensemble_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {
namespace {

// Of one ensemble.
struct Moments {
  double variance, shift;     // means over components, normalised
  double skewness, kurtosis;  // Mardia's b_1 and b_2
  bool degenerate;
};

// b_1 = 1/M^2 sum_mn (x_m S^-1 x_n)^3, b_2 = 1/M sum_m (x_m S^-1 x_m)^2 with anomalies x and their
// covariance S divided by M (Mardia 1970, eqs. 2.23 and 3.9).
Moments moments(ConstRows ensemble, const double* background, std::span<const double> scale,
                Arena& memory) {
  const std::size_t members = ensemble.count, d = ensemble.width;
  const double n = static_cast<double>(members), components = static_cast<double>(d);
  const MeanAndAnomalies x = split_mean(ensemble, memory);
  double* s = memory.take(d * d);
  Moments out{};
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t m = 0; m < members; ++m) sum += x.anomalies[m][i] * x.anomalies[m][j];
      s[i * d + j] = sum / n;
    }
    const double shift = (x.mean[i] - background[i]) / scale[i];
    out.variance += s[i * d + i] * n / (n - 1) / (scale[i] * scale[i]) / components;
    out.shift += shift * shift / components;
  }
  out.degenerate = !small::cholesky(s, d);
  if (out.degenerate) return out;
  for (std::size_t m = 0; m < members; ++m) small::solve_lower(s, d, x.anomalies[m]);
  for (std::size_t m = 0; m < members; ++m)
    for (std::size_t k = 0; k <= m; ++k) {
      double dot = 0;
      for (std::size_t i = 0; i < d; ++i) dot += x.anomalies[m][i] * x.anomalies[k][i];
      out.skewness += (k == m ? 1 : 2) * dot * dot * dot / (n * n);
      if (k == m) out.kurtosis += dot * dot / n;
    }
  return out;
}

// The 95 % quantile of chi-squared with f degrees of freedom (Wilson and Hilferty 1931).
double chi_squared_95(double f) {
  const double a = 2 / (9 * f), z = 1.6448536269514722;
  return f * std::pow(1 - a + z * std::sqrt(a), 3);
}

}  // namespace

EnsembleStatistics ensemble_statistics(const Tensor<double>& ensembles,
                                       const Tensor<double>& backgrounds,
                                       std::span<const double> scale) {
  if (ensembles.rank() != 3 || ensembles.empty() ||
      backgrounds.shape() != Shape{ensembles.extent(0), ensembles.extent(2)} ||
      scale.size() != ensembles.extent(2))
    throw_shape_error("ensemble_statistics", ensembles.shape(), backgrounds.shape(),
                      "must be [N, M, D] and [N, D], with a scale for each component");
  const std::size_t count = ensembles.extent(0), members = ensembles.extent(1),
                    d = ensembles.extent(2);
  if (members <= d + 1)
    throw ArgumentError(fmt::format(
        "ensemble_statistics: there are {} members of {} components; must be more than {}", members,
        d, d + 1));
  std::vector<Moments> all(count);
  parallel_for(count, [&](std::size_t n) {
    Arena memory;
    all[n] = moments(rows_of(ensembles, n), backgrounds.data() + n * d, scale, memory);
  });

  const double n = static_cast<double>(members), p = static_cast<double>(d);
  // What Gaussian ensembles have, exactly (Mardia 1974, eqs. 2.7 and 3.1).
  const double expected_skewness = p * (p + 2) * ((n + 1) * (p + 1) - 6) / ((n + 1) * (n + 3));
  const double expected_kurtosis = p * (p + 2) * (n - 1) / (n + 1);
  const double freedom = p * (p + 1) * (p + 2) / 6;
  const double small_sample = (p + 1) * (n + 1) * (n + 3) / (n * ((n + 1) * (p + 1) - 6));
  const double skewness_limit = chi_squared_95(freedom) * 6 / (n * small_sample);
  const double kurtosis_limit = 1.959963984540054 * std::sqrt(8 * p * (p + 2) / n);
  EnsembleStatistics out;
  double good = 0, skewness_squares = 0, kurtosis_squares = 0;
  for (const Moments& m : all) {
    out.spread_pooled += m.variance / static_cast<double>(count);
    out.shift_pooled += m.shift / static_cast<double>(count);
    if (m.degenerate) {
      ++out.degenerate;
      continue;
    }
    const double skewness = m.skewness - expected_skewness;
    const double kurtosis = m.kurtosis - expected_kurtosis;
    good += 1;
    out.skewness += skewness;
    out.kurtosis += kurtosis;
    skewness_squares += skewness * skewness;
    kurtosis_squares += kurtosis * kurtosis;
    out.rejected_by_skewness += m.skewness > skewness_limit;
    out.rejected_by_kurtosis += std::abs(kurtosis) > kurtosis_limit;
  }
  out.spread_pooled = std::sqrt(out.spread_pooled);
  out.shift_pooled = std::sqrt(out.shift_pooled);
  if (good < 2) return out;
  out.skewness /= good;
  out.kurtosis /= good;
  out.rejected_by_skewness /= good;
  out.rejected_by_kurtosis /= good;
  out.skewness_se = std::sqrt((skewness_squares / good - out.skewness * out.skewness) / (good - 1));
  out.kurtosis_se = std::sqrt((kurtosis_squares / good - out.kurtosis * out.kurtosis) / (good - 1));
  return out;
}

SpreadCurve spread_curve(const std::function<SourcePointer(int start_step)>& source,
                         std::vector<int> start_steps, const Tensor<double>& states,
                         std::span<const double> scale, std::uint64_t seed) {
  if (states.rank() != 2 || states.empty() || start_steps.empty())
    throw ArgumentError(
        "spread_curve: states or start steps are missing; must be [N, D] and one or more");
  std::sort(start_steps.begin(), start_steps.end());
  std::vector<RandomAddress> addresses;
  for (std::size_t n = 0; n < states.extent(0); ++n)
    addresses.push_back({seed, n, 0, Experiment::spread});
  SpreadCurve curve{std::move(start_steps), {}};
  for (const int start : curve.start_steps)
    curve.statistics.push_back(
        ensemble_statistics(source(start)->generate(states, addresses), states, scale));
  return curve;
}

double start_step_for_spread(const SpreadCurve& curve, double spread_pooled) {
  for (std::size_t i = 0; i + 1 < curve.start_steps.size(); ++i) {
    const double a = curve.statistics[i].spread_pooled, b = curve.statistics[i + 1].spread_pooled;
    if (spread_pooled < a || spread_pooled > b) continue;
    const double from = curve.start_steps[i], to = curve.start_steps[i + 1];
    return b > a ? from + (to - from) * (spread_pooled - a) / (b - a) : from;
  }
  throw ArgumentError(fmt::format(
      "start_step_for_spread: the spread is {}; must be within that of start steps {} to {}",
      spread_pooled, curve.start_steps.front(), curve.start_steps.back()));
}

}  // namespace papillon::inline assimilation
