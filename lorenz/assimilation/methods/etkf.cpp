#include "papillon/lorenz/assimilation/methods/etkf.hpp"

#include <fmt/format.h>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {

void etkf_analysis(AnalysisCase& analysis, const EtkfOptions& options, Arena& memory) {
  const Observation& observed = *analysis.observations;
  if (observed.count() == 0) return;
  const MeanAndAnomalies x = split_mean(analysis.states, memory);
  const Spectrum spectrum = decompose(analysis.states, observed, memory);
  const EtkfWeights weights = etkf_weights(spectrum, options.prior_variance_inflation, memory);
  move_mean(x.mean, x.anomalies, spectrum, weights.c);
  transform_anomalies(x.anomalies, spectrum, weights.scale, weights.g, memory);
  if (options.rotate) rotate_anomalies(x.anomalies, analysis.random, memory);
  if (options.analysis_anomaly_inflation != 1)
    for (double& a : x.anomalies.values()) a *= options.analysis_anomaly_inflation;
  join_mean(x, analysis.states);
}

MethodPointer etkf(std::size_t members, const EtkfOptions& options) {
  if (members < 2) throw ArgumentError(fmt::format("etkf: {} members; needs 2 or more", members));
  if (!(options.prior_variance_inflation > 0 && options.analysis_anomaly_inflation > 0))
    throw ArgumentError("etkf: an inflation is not positive; must be positive");
  return make_method(
      {"etkf",
       fmt::format("etkf members {} prior_variance_inflation {} analysis_anomaly_inflation {} "
                   "rotate {}",
                   members, options.prior_variance_inflation, options.analysis_anomaly_inflation,
                   options.rotate),
       members},
      [options](AnalysisCase& analysis, Arena& memory) {
        etkf_analysis(analysis, options, memory);
      });
}

}  // namespace papillon::inline assimilation
