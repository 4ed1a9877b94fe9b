#include "papillon/lorenz/assimilation/methods/letkf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

namespace papillon::inline assimilation {
namespace {

// Square roots of the tapers between component `state` and each observation that is not missing.
void tapers(const LetkfOptions& options, const Observation& observed, std::size_t state,
            double* out) {
  const ObservationOperator& h = observed.model().h();
  for (std::size_t j = 0; j < observed.count(); ++j) {
    const std::size_t which = observed.which()[j];
    const double distance = options.distance
                                ? options.distance(state, which)
                                : ring_distance(static_cast<double>(state),
                                                static_cast<double>(h.observed_components()[which]),
                                                static_cast<double>(h.dimension()));
    out[j] = std::isinf(options.radius) ? 1 : std::sqrt(gaspari_cohn(distance, options.radius));
  }
}

// Anomalies and innovation of the observations with a positive taper, multiplied by its root.
struct LocalProblem {
  Rows anomalies, innovation;
};
LocalProblem localise(ConstRows anomalies, const double* innovation, const double* taper,
                      Arena& memory) {
  std::size_t p = 0;
  for (std::size_t j = 0; j < anomalies.width; ++j) p += taper[j] > 0;
  LocalProblem local{memory.rows(anomalies.count, p), memory.rows(1, p)};
  std::size_t k = 0;
  for (std::size_t j = 0; j < anomalies.width; ++j) {
    if (!(taper[j] > 0)) continue;
    for (std::size_t m = 0; m < anomalies.count; ++m)
      local.anomalies[m][k] = taper[j] * anomalies[m][j];
    local.innovation[0][k++] = taper[j] * innovation[j];
  }
  return local;
}

}  // namespace

void letkf_analysis(AnalysisCase& analysis, const LetkfOptions& options, Arena& memory) {
  const Observation& observed = *analysis.observations;
  if (observed.count() == 0) return;
  const std::size_t members = analysis.states.count, p = observed.count();
  const MeanAndAnomalies x = split_mean(analysis.states, memory);
  const ObservedAnomalies y = observe_ensemble(analysis.states, observed, memory);
  const Rows innovation = whitened_innovation(observed, y.mean, memory);

  const Rows column = memory.rows(members, 1);
  double* taper = memory.take(p);
  std::size_t reached = 0;
  double* unreached = memory.take(analysis.states.width);  // 1 for those, 0 for others
  for (std::size_t i = 0; i < analysis.states.width; ++i) {
    const Arena::Scope frame(memory);
    tapers(options, observed, i, taper);
    const LocalProblem local = localise(y.anomalies, innovation[0], taper, memory);
    unreached[i] = local.innovation.width == 0 ? 1 : 0;
    if (local.innovation.width == 0) continue;
    ++reached;
    const double nearest = *std::max_element(taper, taper + p), share = nearest * nearest;
    const double rho = std::lerp(1.0, options.prior_variance_inflation, share);
    const double after = std::lerp(1.0, options.analysis_anomaly_inflation, share);
    const Spectrum spectrum = decompose(local.anomalies, local.innovation, memory);
    const EtkfWeights weights = etkf_weights(spectrum, rho, memory);
    for (std::size_t m = 0; m < members; ++m) column[m][0] = x.anomalies[m][i];
    move_mean(x.mean + i, column, spectrum, weights.c);
    transform_anomalies(column, spectrum, weights.scale, weights.g, memory);
    for (std::size_t m = 0; m < members; ++m) x.anomalies[m][i] = after * column[m][0];
  }
  if (options.rotate && reached == analysis.states.width)
    rotate_anomalies(x.anomalies, analysis.random, memory);
  for (std::size_t m = 0; m < members; ++m)
    for (std::size_t i = 0; i < analysis.states.width; ++i)
      if (unreached[i] == 0) analysis.states[m][i] = x.mean[i] + x.anomalies[m][i];
}

MethodPointer letkf(std::size_t members, const LetkfOptions& options) {
  if (members < 2) throw ArgumentError(fmt::format("letkf: {} members; needs 2 or more", members));
  if (!(options.prior_variance_inflation > 0 && options.analysis_anomaly_inflation > 0 &&
        options.radius > 0))
    throw ArgumentError("letkf: an inflation or the radius is not positive; must be positive");
  return make_method(
      {"letkf",
       fmt::format("letkf members {} prior_variance_inflation {} analysis_anomaly_inflation {} "
                   "rotate {} radius {}{}",
                   members, options.prior_variance_inflation, options.analysis_anomaly_inflation,
                   options.rotate, options.radius, options.distance ? " of a given distance" : ""),
       members},
      [options](AnalysisCase& analysis, Arena& memory) {
        letkf_analysis(analysis, options, memory);
      },
      [options](const ObservationModel& model) {
        if (!model.uncorrelated())
          throw ArgumentError("letkf: localisation needs observation errors without correlations");
        if (!options.distance && model.h().observed_components().empty())
          throw ArgumentError(
              "letkf: observations that are no components of the state have no place; give their "
              "distance");
      });
}

}  // namespace papillon::inline assimilation
