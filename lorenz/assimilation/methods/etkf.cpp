#include "papillon/lorenz/assimilation/methods/etkf.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {

void etkf_analysis(AnalysisCase& one, const EtkfOptions& options, Arena& memory) {
  const Observation& observed = *one.observations;
  if (observed.count() == 0) return;
  const std::size_t members = one.states.count;
  const MeanAndAnomalies x = split_mean(one.states, memory);
  const ObservedAnomalies y = observe_ensemble(one.states, observed, memory);
  const Spectrum spectrum =
      decompose(y.anomalies, whitened_innovation(observed, y.mean, memory), memory);

  const double rho = options.prior_variance_inflation, scale = std::sqrt(rho);
  const double norm = 1 / std::sqrt(static_cast<double>(members) - 1);
  double *weights = memory.take(spectrum.rank), *extra = memory.take(spectrum.rank);
  for (std::size_t k = 0; k < spectrum.rank; ++k) {
    const double s = spectrum.s[k], c = 1 / (1 / rho + s * s);
    weights[k] = norm * s * c * spectrum.projections[k][0];
    extra[k] = std::sqrt(c) - scale;
  }
  move_mean(x.mean, x.anomalies, spectrum, weights);
  transform_anomalies(x.anomalies, spectrum, scale, extra, memory);
  if (options.rotate) rotate_anomalies(x.anomalies, one.random, memory);
  if (options.analysis_anomaly_inflation != 1)
    for (std::size_t k = 0; k < x.anomalies.size(); ++k)
      x.anomalies.data[k] *= options.analysis_anomaly_inflation;
  join_mean(x, one.states);
}

MethodPointer etkf(std::size_t members, const EtkfOptions& options) {
  if (members < 2) throw ArgumentError(fmt::format("etkf: {} members; needs 2 or more", members));
  if (!(options.prior_variance_inflation > 0 && options.analysis_anomaly_inflation > 0))
    throw ArgumentError("etkf: inflations should be positive");
  return make_method(
      {"etkf",
       fmt::format("etkf members {} prior_variance_inflation {} analysis_anomaly_inflation {} "
                   "rotate {}",
                   members, options.prior_variance_inflation, options.analysis_anomaly_inflation,
                   options.rotate),
       members},
      [options](AnalysisCase& one, Arena& memory) { etkf_analysis(one, options, memory); });
}

}  // namespace papillon::inline assimilation
