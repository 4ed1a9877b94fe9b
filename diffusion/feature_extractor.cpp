#include "papillon/diffusion/feature_extractor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/diffusion/flat_parameters.hpp"
#include "papillon/nn/fused/engine.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {
constexpr std::size_t tile_rows = 256;
}

struct FeatureExtractor::State {
  explicit State(const ResidualFilmMlp<float>& network)
      : parameters(flat_parameters(network)), engine(layout_of(network), tile_rows) {
    engine.set_parameters(parameters.span());
  }
  Tensor<float> parameters;
  // Once parameters and timesteps are set, Engine::forward changes nothing but its scratch, which
  // is handed out under a lock: calls may run beside each other.
  mutable fused::Engine<float> engine;
};

FeatureExtractor::FeatureExtractor(const ResidualFilmMlp<float>& network,
                                   std::vector<int> timesteps)
    : timesteps_(std::move(timesteps)), state_(std::make_unique<State>(network)) {
  if (timesteps_.empty()) throw ArgumentError("features: at least one timestep is needed");
  for (const int t : timesteps_)
    if (t < 0) throw ArgumentError(fmt::format("features: timestep {} is negative", t));
  state_->engine.set_timesteps(timesteps_);
}
FeatureExtractor::~FeatureExtractor() = default;
FeatureExtractor::FeatureExtractor(FeatureExtractor&&) noexcept = default;
FeatureExtractor& FeatureExtractor::operator=(FeatureExtractor&&) noexcept = default;

std::size_t FeatureExtractor::dimension() const {
  return state_->engine.layout().state_dim;
}

std::size_t FeatureExtractor::size() const {
  return state_->engine.layout().hidden * timesteps_.size();
}

void FeatureExtractor::operator()(std::span<const float> states, std::span<float> out) const {
  const std::size_t d = dimension(), width = size(), h = width / timesteps_.size();
  const std::size_t n = states.size() / d;
  if (states.size() % d != 0 || out.size() != n * width)
    throw ShapeError(
        fmt::format("features: {} values and {} features do not fit a network from {} "
                    "values to {} features",
                    states.size(), out.size(), d, width));
  const SingleThreadedBlas guard;
  parallel_for((n + tile_rows - 1) / tile_rows, [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows, rows = std::min(tile_rows, n - first);
    std::vector<std::uint32_t> slots(rows);
    Tensor<float> one(Shape{rows, h});
    for (std::size_t k = 0; k < timesteps_.size(); ++k) {
      std::fill(slots.begin(), slots.end(), static_cast<std::uint32_t>(k));
      state_->engine.forward(states.subspan(first * d, rows * d), slots, fused::Output::features,
                             one.span());
      for (std::size_t i = 0; i < rows; ++i)
        std::copy_n(one.data() + i * h, h, &out[(first + i) * width + k * h]);
    }
  });
}

Tensor<float> FeatureExtractor::operator()(const Tensor<float>& states) const {
  if (states.rank() != 2 || states.extent(1) != dimension())
    throw ShapeError(fmt::format("features: states of shape {} where [N, {}] is needed",
                                 to_string(states.shape()), dimension()));
  Tensor<float> out(Shape{states.extent(0), size()});
  (*this)(states.span(), out.span());
  return out;
}

}  // namespace papillon
