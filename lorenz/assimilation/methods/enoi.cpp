#include "papillon/lorenz/assimilation/methods/enoi.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/lorenz/assimilation/methods/generating_method.hpp"
#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

void write_around(const double* centre, ConstRows anomalies, Rows out) {
  if (!out.data) return;
  for (std::size_t m = 0; m < out.count; ++m)
    for (std::size_t i = 0; i < out.width; ++i) out[m][i] = centre[i] + anomalies[m][i];
}

}  // namespace

void enoi_analysis(AnalysisCase& analysis, ConstRows ensemble, const EnoiOptions& options,
                   Arena& memory) {
  const Observation& observed = *analysis.observations;
  const std::size_t p = observed.count();
  const double scale = std::sqrt(options.prior_variance_inflation);
  const Rows x = split_mean(ensemble, memory).anomalies;
  for (double& a : x.values()) a *= scale;
  write_around(analysis.states[0], x, analysis.report.background);
  if (p == 0) return write_around(analysis.states[0], x, analysis.report.analysis);
  const ObservedAnomalies y = observe_ensemble(ensemble, observed, memory);
  const double* predicted = y.mean;
  if (options.innovation == InnovationOf::background) {
    const Rows of_background = memory.rows(1, p);
    observed.predict(analysis.states, of_background, memory);
    predicted = of_background[0];
  }
  Spectrum spectrum =
      decompose(y.anomalies, whitened_innovation(observed, predicted, memory), memory);

  // The inflation is in the anomalies already.
  for (std::size_t k = 0; k < spectrum.rank; ++k) spectrum.s[k] *= scale;
  const EtkfWeights weights = etkf_weights(spectrum, 1, memory);
  move_mean(analysis.states[0], x, spectrum, weights.c);
  if (!analysis.report.analysis.data) return;
  transform_anomalies(x, spectrum, weights.scale, weights.g, memory);
  write_around(analysis.states[0], x, analysis.report.analysis);
}

MethodPointer enoi(SourcePointer source, const EnoiOptions& options) {
  if (!(options.prior_variance_inflation > 0))
    throw ArgumentError(fmt::format("enoi: the inflation is {}; must be positive",
                                    options.prior_variance_inflation));
  MethodTraits traits{
      "enoi",
      fmt::format("enoi prior_variance_inflation {} innovation of the {}",
                  options.prior_variance_inflation,
                  options.innovation == InnovationOf::background ? "background" : "ensemble mean")};
  traits.uncertainty = Uncertainty::generated;
  return make_generating_method(
      std::move(traits), std::move(source),
      [](const AnalysisCase& analysis, Arena&) { return analysis.states; },
      [options](AnalysisCase& analysis, ConstRows ensemble, Arena& memory) {
        enoi_analysis(analysis, ensemble, options, memory);
      });
}

}  // namespace papillon::inline assimilation
