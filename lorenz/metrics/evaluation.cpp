#include "papillon/lorenz/metrics/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/metrics/extremes.hpp"
#include "papillon/lorenz/metrics/frechet.hpp"
#include "papillon/lorenz/metrics/nearest.hpp"
#include "papillon/nn/fourier_features.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline metrics {
namespace {

constexpr std::size_t components = 3;

void check(const char* what, const Tensor<float>& states, std::size_t at_least) {
  if (states.rank() < 2 || states.extent(-1) != components)
    throw InputError(fmt::format("evaluate: the {} have shape {}; must have 3 components last",
                                 what, to_string(states.shape())));
  const std::size_t rows = states.size() / components;
  if (rows < at_least)
    throw InputError(
        fmt::format("evaluate: {} {} are too few; at least {} are needed", rows, what, at_least));
  if (all_finite(states)) return;
  for (std::size_t k = 0; k < states.size(); ++k)
    if (!std::isfinite(states[k]))
      throw InputError(fmt::format("evaluate: {}, row {}, component {} is {}, not a finite number",
                                   what, k / components, k % components, states[k]));
}

// `rows` of the states (0: all), evenly spaced, as [rows, 3].
Tensor<float> evenly_spaced(const Tensor<float>& states, std::size_t rows) {
  const std::size_t all = states.size() / components;
  if (rows == 0 || rows > all) rows = all;
  return evenly_spaced_rows(states, rows, 0, rows);
}

Tensor<float> normalised(Tensor<float> states, const EvaluationOptions& o) {
  constexpr std::size_t block = 65536;
  const std::size_t rows = states.extent(0);
  parallel_for((rows + block - 1) / block, [&](std::size_t b) {
    for (std::size_t r = b * block; r < std::min(rows, (b + 1) * block); ++r)
      for (std::size_t i = 0; i < components; ++i)
        states(r, i) =
            static_cast<float>((static_cast<double>(states(r, i)) - o.shift[i]) / o.scale[i]);
  });
  return states;
}

// What one set of states scores against the reference.
struct Scores {
  double hellinger, d_test, frechet, extremes, outside;
  MomentIdentities identities;
};

// The reference, prepared once.
struct Reference {
  Tensor<float> queries;  // for d_test
  Histogram histogram;
  FeatureMap map;
  Climatology features;
  Tails tails;
};

Scores score(const Tensor<float>& physical, const Tensor<float>& states, const Reference& reference,
             const EvaluationOptions& options) {
  Histogram histogram(components, options.histogram);
  histogram.add(states.span());
  return {hellinger_distance(histogram, reference.histogram),
          mean_squared_nearest_distance(reference.queries, states),
          frechet_distance(feature_climatology(states, reference.map), reference.features),
          share_in_tails(states, reference.tails),
          static_cast<double>(histogram.outside()) / static_cast<double>(histogram.total()),
          moment_identities(climatology(physical), options.system)};
}

}  // namespace

Evaluation evaluate(const Tensor<float>& samples, const Tensor<float>& reference,
                    const Tensor<float>& independent, const EvaluationOptions& options) {
  for (std::size_t i = 0; i < components; ++i)
    if (!std::isfinite(options.shift[i]) || !(options.scale[i] > 0))
      throw ArgumentError("evaluate: shift must be finite and scale positive");
  check("samples", samples, 2);
  check("reference states", reference, 2);
  check("independent states", independent, samples.size() / components);

  Tensor<float> states = normalised(evenly_spaced(reference, 0), options);
  Histogram histogram(components, options.histogram);
  histogram.add(states.span());
  FeatureMap map = options.feature_map;
  if (!map) map = FourierFeatures(components, {options.features, 1, options.seed});
  Climatology features = feature_climatology(states, map, options.feature_states);
  Tails limits = tails(states);
  const std::size_t all = states.extent(0);
  const Tensor<float> points =
      options.d_gen_states == 0 ? std::move(states) : evenly_spaced(states, options.d_gen_states);
  const Reference prepared{evenly_spaced(points, options.d_test_states), std::move(histogram),
                           std::move(map), std::move(features), std::move(limits)};

  const std::size_t rows = samples.size() / components;
  const Tensor<float> physical = evenly_spaced(samples, 0),
                      other_physical = evenly_spaced(independent, rows);
  const Tensor<float> own = normalised(physical, options),
                      other = normalised(other_physical, options);
  // The trees of the reference are the dear part, so both sets are looked up at once.
  Tensor<float> both(Shape{2 * rows, components});
  std::copy(other.begin(), other.end(), std::copy(own.begin(), own.end(), both.begin()));
  const std::vector<float> squares = nearest_squared_distances(both, points);
  const auto mean = [](std::span<const float> values) {
    double sum = 0;
    for (const float x : values) sum += static_cast<double>(x);
    return sum / static_cast<double>(values.size());
  };
  const std::span<const float> all_squares(squares);

  const Scores value = score(physical, own, prepared, options);
  const Scores floor = score(other_physical, other, prepared, options);
  Evaluation result;
  result.hellinger = metric_value(value.hellinger, floor.hellinger);
  result.d_gen = metric_value(mean(all_squares.first(rows)), mean(all_squares.last(rows)));
  result.d_test = metric_value(value.d_test, floor.d_test);
  result.frechet = metric_value(value.frechet, floor.frechet);
  result.extremes = metric_value(value.extremes, floor.extremes);
  result.identities = metric_value(value.identities.worst, floor.identities.worst);
  result.each_identity = value.identities;
  result.outside = value.outside;
  result.samples = rows;
  result.reference_states = all;
  result.feature_states = prepared.features.count();
  result.d_gen_states = points.extent(0);
  result.d_test_states = prepared.queries.extent(0);
  return result;
}

}  // namespace papillon::inline metrics
