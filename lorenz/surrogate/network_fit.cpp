#include "papillon/lorenz/surrogate/network_fit.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "papillon/tensor/internal/row_tiles.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::inline surrogate {
namespace {

// The training set in memory: normalised states and increments, single precision.
struct Set {
  explicit Set(const TrainingPairs& pairs)
      : states(Shape{pairs.size(), pairs.dimension()}), targets(states.shape()) {
    const std::size_t d = pairs.dimension();
    for_each_tile(pairs.size(), [&](std::size_t first, std::size_t n) {
      Tensor<double> x(Shape{n, d}), y(Shape{n, d});
      pairs.read(first, n, x.data(), d, y.data(), d);
      for (std::size_t i = 0; i < n * d; ++i) {
        states[first * d + i] = static_cast<float>(x[i]);
        targets[first * d + i] = static_cast<float>(y[i]);
      }
    });
  }
  Tensor<float> states, targets;  // [N, D]
};

// Means and standard deviations of features over (at most) the first rows of the set.
Standardisation units_of(const Features& features, const Tensor<float>& states) {
  const std::size_t rows = std::min<std::size_t>(states.extent(0), 65536), d = states.extent(1);
  const Tensor<double> x =
      evaluate(features, Tensor<float>(Shape{rows, d}, states.span().first(rows * d)));
  const std::size_t width = features.size();
  const double n = static_cast<double>(rows);
  Standardisation units{Tensor<double>::zeros({width}), Tensor<double>::zeros({width})};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t j = 0; j < width; ++j) units.centre[j] += x(r, j) / n;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t j = 0; j < width; ++j)
      units.scale[j] += (x(r, j) - units.centre[j]) * (x(r, j) - units.centre[j]) / n;
  for (double& s : units.scale) s = s > 0 ? std::sqrt(s) : 1;
  return units;
}

// Standardised features of any rows of the set, from memory or computed.
class FeatureRows {
 public:
  FeatureRows(const Features& features, const Standardisation& units, const Tensor<float>& states,
              std::size_t cache_bytes)
      : features_(features), units_(units), states_(states) {
    const std::size_t rows = states.extent(0), width = features.size();
    if (rows > cache_bytes / sizeof(float) / width) return;
    Tensor<float> all(Shape{rows, width});
    for_each_tile(rows, [&](std::size_t first, std::size_t n) {
      std::vector<std::uint64_t> numbers(n);
      for (std::size_t i = 0; i < n; ++i) numbers[i] = first + i;
      read(numbers.data(), n, all.data() + first * width);
    });
    cache_ = std::move(all);
  }

  void read(const std::uint64_t* rows, std::size_t n, float* out) const {
    const std::size_t d = states_.extent(1), width = features_.size();
    if (!cache_.empty()) {
      for (std::size_t i = 0; i < n; ++i)
        std::copy_n(cache_.data() + rows[i] * width, width, out + i * width);
      return;
    }
    Tensor<double> x(Shape{n, d}), f(Shape{n, width});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j) x(i, j) = static_cast<double>(states_(rows[i], j));
    features_.evaluate(n, x.data(), f.data(), width);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < width; ++j)
        out[i * width + j] = static_cast<float>((f(i, j) - units_.centre[j]) / units_.scale[j]);
  }

 private:
  const Features& features_;
  const Standardisation& units_;
  const Tensor<float>& states_;
  Tensor<float> cache_;
};

}  // namespace

ReadoutPtr fit_network(const Features& features, const TrainingPairs& pairs,
                       const NetworkShape& shape, const TrainingOptions& options,
                       const std::function<void(const TrainingReport&)>& after,
                       std::size_t cache_bytes) {
  const std::size_t d = pairs.dimension(), width = features.size();
  const bool on_states = features.kind() == "identity";
  const Set set(pairs);
  const Standardisation units = on_states ? Standardisation{} : units_of(features, set.states);
  std::unique_ptr<FeatureRows> inputs;
  if (!on_states) inputs = std::make_unique<FeatureRows>(features, units, set.states, cache_bytes);
  const TrainingRows rows = [&](const std::uint64_t* numbers, std::size_t n, float* x, float* y) {
    for (std::size_t i = 0; i < n; ++i) {
      if (on_states) std::copy_n(set.states.data() + numbers[i] * d, d, x + i * d);
      std::copy_n(set.targets.data() + numbers[i] * d, d, y + i * d);
    }
    if (inputs) inputs->read(numbers, n, x);
  };
  const auto fit = [&](const auto& network) {
    train({[&](const Var<float>& x) { return network(x); }, parameters(network), width, d},
          pairs.size(), rows, options, after);
  };
  const RandomStream weights = random_stream(options.seed, Purpose::surrogate_weights);
  if (shape.kind == NetworkShape::Kind::residual) {
    const ResidualMlp<float> network(width, shape.hidden, shape.layers, d, weights);
    fit(network);
    return residual_readout(network, units);
  }
  std::vector<std::size_t> widths(shape.layers + 2, shape.hidden);
  widths.front() = width;
  widths.back() = d;
  const Mlp<float> network(widths, weights);
  fit(network);
  return mlp_readout(network, units);
}

FeatureMap hidden_features(const Surrogate& surrogate) {
  surrogate.readout().hidden(Tensor<float>(Shape{0, surrogate.readout().inputs()}));
  return [surrogate](const Tensor<float>& states) {
    const std::size_t rows = states.extent(0), d = surrogate.dimension(),
                      width = surrogate.features().size();
    if (rows == 0 || states.extent(1) != d)
      throw ShapeError("hidden features: states of shape " + to_string(states.shape()));
    std::vector<Tensor<float>> tiles(tile_count(rows));
    for_each_tile(rows, [&](std::size_t first, std::size_t n) {
      Tensor<double> x(Shape{n, d}), f(Shape{n, width});
      std::copy_n(states.data() + first * d, n * d, x.data());
      surrogate.features().evaluate(n, x.data(), f.data(), width);
      tiles[first / row_tile] = surrogate.readout().hidden(cast<float>(f));
    });
    const std::size_t hidden = tiles.front().extent(1);
    Tensor<double> out(Shape{rows, hidden});
    for (std::size_t t = 0; t < tiles.size(); ++t)
      std::copy(tiles[t].begin(), tiles[t].end(), out.data() + t * row_tile * hidden);
    return out;
  };
}

}  // namespace papillon::inline surrogate
