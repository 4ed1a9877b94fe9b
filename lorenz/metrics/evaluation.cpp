#include "papillon/lorenz/metrics/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/metrics/extremes.hpp"
#include "papillon/lorenz/metrics/frechet.hpp"
#include "papillon/lorenz/metrics/nearest.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

constexpr std::size_t dimension = 3;

void check(const char* what, const Tensor<float>& states, std::size_t at_least) {
  if (states.rank() < 2 || states.extent(-1) != dimension)
    throw InputError(
        fmt::format("evaluate: the {} have shape {}, and should have 3 components last", what,
                    to_string(states.shape())));
  const std::size_t rows = states.size() / dimension;
  if (rows < at_least)
    throw InputError(
        fmt::format("evaluate: {} {} are too few; at least {} are needed", rows, what, at_least));
  if (all_finite(states)) return;
  for (std::size_t k = 0; k < states.size(); ++k)
    if (!std::isfinite(states[k]))
      throw InputError(fmt::format("evaluate: {}, row {}, component {} is {}, not a finite number",
                                   what, k / dimension, k % dimension, states[k]));
}

// `rows` of the states (0: all), evenly spaced, as [rows, 3].
Tensor<float> evenly_spaced(const Tensor<float>& states, std::size_t rows) {
  const std::size_t all = states.size() / dimension;
  if (rows == 0 || rows > all) rows = all;
  Tensor<float> out(Shape{rows, dimension});
  for (std::size_t r = 0; r < rows; ++r)
    std::copy_n(states.data() + r * all / rows * dimension, dimension, out.data() + r * dimension);
  return out;
}

Tensor<float> normalised(Tensor<float> states, const EvaluationOptions& o) {
  constexpr std::size_t block = 65536;
  const std::size_t rows = states.extent(0);
  parallel_for((rows + block - 1) / block, [&](std::size_t b) {
    for (std::size_t r = b * block; r < std::min(rows, (b + 1) * block); ++r)
      for (std::size_t i = 0; i < dimension; ++i)
        states(r, i) =
            static_cast<float>((static_cast<double>(states(r, i)) - o.shift[i]) / o.scale[i]);
  });
  return states;
}

// What one set of states scores against the reference.
struct Scores {
  double hellinger, d_gen, d_test, frechet, extremes, outside;
  MomentIdentities identities;
};

// The reference, prepared once.
struct Reference {
  Tensor<float> states, nearest;  // nearest is empty: all
  Histogram histogram;
  FeatureMap map;
  Climatology features;
  Tails tails;

  const Tensor<float>& nearest_states() const { return nearest.empty() ? states : nearest; }
};

Scores score(const Tensor<float>& physical, const Reference& reference,
             const EvaluationOptions& options) {
  const Tensor<float> states = normalised(physical, options);
  Histogram histogram(dimension, options.histogram);
  histogram.add(states.span());
  return {hellinger_distance(histogram, reference.histogram),
          mean_squared_nearest_distance(states, reference.nearest_states()),
          mean_squared_nearest_distance(reference.nearest_states(), states),
          frechet_distance(feature_climatology(states, reference.map), reference.features),
          share_in_tails(states, reference.tails),
          static_cast<double>(histogram.outside()) / static_cast<double>(histogram.total()),
          moment_identities(climatology(physical), options.system)};
}

}  // namespace

Evaluation evaluate(const Tensor<float>& samples, const Tensor<float>& reference,
                    const Tensor<float>& independent, const EvaluationOptions& options) {
  for (std::size_t i = 0; i < dimension; ++i)
    if (!std::isfinite(options.shift[i]) || !(options.scale[i] > 0))
      throw ArgumentError("evaluate: shift should be finite and scale positive");
  check("samples", samples, 2);
  check("reference states", reference, 2);
  check("independent states", independent, samples.size() / dimension);

  Tensor<float> states = normalised(evenly_spaced(reference, 0), options);
  Histogram histogram(dimension, options.histogram);
  histogram.add(states.span());
  FeatureMap map = random_fourier_features(dimension, options.features, options.seed);
  Climatology features = feature_climatology(states, map, options.feature_states);
  Tails limits = tails(states);
  const std::size_t all = states.extent(0);
  Tensor<float> nearest;
  if (options.nearest_states != 0 && options.nearest_states < all)
    nearest = evenly_spaced(states, options.nearest_states);
  const Reference prepared{std::move(states), std::move(nearest),  std::move(histogram),
                           std::move(map),    std::move(features), std::move(limits)};

  const std::size_t rows = samples.size() / dimension;
  const Scores value = score(evenly_spaced(samples, 0), prepared, options);
  const Scores floor = score(evenly_spaced(independent, rows), prepared, options);
  Evaluation result;
  result.hellinger = metric_value(value.hellinger, floor.hellinger);
  result.d_gen = metric_value(value.d_gen, floor.d_gen);
  result.d_test = metric_value(value.d_test, floor.d_test);
  result.frechet = metric_value(value.frechet, floor.frechet);
  result.extremes = metric_value(value.extremes, floor.extremes);
  result.identities = metric_value(value.identities.worst, floor.identities.worst);
  result.each_identity = value.identities;
  result.outside = value.outside;
  result.samples = rows;
  result.reference_states = all;
  result.feature_states = prepared.features.count();
  result.nearest_states = prepared.nearest_states().extent(0);
  return result;
}

}  // namespace papillon
