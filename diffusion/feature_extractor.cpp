#include "papillon/diffusion/feature_extractor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

constexpr std::size_t tile_rows = 256;

}  // namespace

FeatureExtractor::FeatureExtractor(const Network& network, Timesteps timesteps)
    : timesteps_(std::move(timesteps)),
      engine_(network.engine(tile_rows)),
      parameters_(flatten(network.state_dict(), engine_->parameters())) {
  if (timesteps_.empty()) throw ArgumentError("features: at least one timestep is needed");
  for (const int t : timesteps_)
    if (t < 0) throw ArgumentError(fmt::format("features: timestep {} is negative", t));
  if (engine_->feature_count() == 0) detail::throw_no_features(network.architecture());
  engine_->set_parameters(parameters_.span());
  engine_->set_timesteps(timesteps_);
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
      engine_->forward(states.subspan(first * d, rows * d), slots, EngineOutput::features,
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
