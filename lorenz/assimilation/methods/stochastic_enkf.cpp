#include "papillon/lorenz/assimilation/methods/stochastic_enkf.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

// e [M, p]: whitened, so standard normal.
Rows perturbations(const AnalysisCase& analysis, bool centred, Arena& memory) {
  const std::size_t members = analysis.states.count, p = analysis.observations->count();
  const Rows e = memory.rows(members, p);
  analysis.random.normal(Purpose::observation_perturbations, e.values());
  if (!centred) return e;
  const double n = static_cast<double>(members), scale = std::sqrt(n / (n - 1));
  for (std::size_t i = 0; i < p; ++i) {
    double mean = 0;
    for (std::size_t m = 0; m < members; ++m) mean += e[m][i] / n;
    for (std::size_t m = 0; m < members; ++m) e[m][i] = scale * (e[m][i] - mean);
  }
  return e;
}

}  // namespace

void stochastic_enkf_analysis(AnalysisCase& analysis, const StochasticEnkfOptions& options,
                              Arena& memory) {
  const Observation& observed = *analysis.observations;
  if (observed.count() == 0) return;
  const std::size_t members = analysis.states.count, p = observed.count(),
                    d = analysis.states.width;
  MeanAndAnomalies x = split_mean(analysis.states, memory);
  const double inflation = std::sqrt(options.prior_variance_inflation);
  for (double& a : x.anomalies.values()) a *= inflation;
  join_mean(x, analysis.states);

  const ObservedAnomalies y = observe_ensemble(analysis.states, observed, memory);
  // d_m = R^-1/2 (y - H(x_m)) + e_m = R^-1/2 (y - mean) - (whitened anomaly) + e_m
  const Rows innovations = perturbations(analysis, !options.free_perturbations, memory);
  const Rows of_mean = whitened_innovation(observed, y.mean, memory);
  for (std::size_t m = 0; m < members; ++m)
    for (std::size_t i = 0; i < p; ++i) innovations[m][i] += of_mean[0][i] - y.anomalies[m][i];

  // K R^1/2 = X / sqrt(M - 1) sum_k v_k s_k / (1 + s_k^2) a_k^T
  const Spectrum spectrum = decompose(y.anomalies, innovations, memory);
  const double norm = 1 / std::sqrt(static_cast<double>(members) - 1);
  const Rows q = memory.rows(spectrum.rank, d);
  for (std::size_t k = 0; k < spectrum.rank; ++k) {
    combine_members(x.anomalies, spectrum.v[k], q[k]);
    const double s = spectrum.s[k], gain = norm * s / (1 + s * s);
    for (std::size_t i = 0; i < d; ++i) q[k][i] *= gain;
  }
  for (std::size_t m = 0; m < members; ++m)
    for (std::size_t k = 0; k < spectrum.rank; ++k)
      for (std::size_t i = 0; i < d; ++i)
        analysis.states[m][i] += spectrum.projections[k][m] * q[k][i];
  if (options.analysis_anomaly_inflation == 1) return;
  x = split_mean(analysis.states, memory);
  for (double& a : x.anomalies.values()) a *= options.analysis_anomaly_inflation;
  join_mean(x, analysis.states);
}

MethodPointer stochastic_enkf(std::size_t members, const StochasticEnkfOptions& options) {
  if (members < 2) throw ArgumentError(fmt::format("enkf: {} members; needs 2 or more", members));
  if (!(options.prior_variance_inflation > 0 && options.analysis_anomaly_inflation > 0))
    throw ArgumentError("enkf: an inflation is not positive; must be positive");
  return make_method(
      {"enkf",
       fmt::format("enkf members {} prior_variance_inflation {} analysis_anomaly_inflation {} "
                   "centre_perturbations {}",
                   members, options.prior_variance_inflation, options.analysis_anomaly_inflation,
                   !options.free_perturbations),
       members},
      [options](AnalysisCase& analysis, Arena& memory) {
        stochastic_enkf_analysis(analysis, options, memory);
      });
}

}  // namespace papillon::inline assimilation
