#include "papillon/diffusion/model.hpp"

#include <fmt/format.h>

#include <memory>
#include <mutex>

#include "papillon/diffusion/feature_extractor.hpp"

namespace papillon {
namespace {

struct SharedEngine {
  explicit SharedEngine(const Network& network)
      : engine(network.engine()), parameters(flatten(network.state_dict(), engine->parameters())) {
    engine->set_parameters(parameters.span());
  }
  std::mutex mutex;
  std::unique_ptr<DenoisingEngine<float>> engine;
  Tensor<float> parameters;
};

}  // namespace

Denoiser<float> make_denoiser(const DiffusionModel& model) {
  const auto shared = std::make_shared<SharedEngine>(model.network);
  return [shared](const Tensor<float>& z, int t) {
    const std::size_t d = shared->engine->state_dim();
    if (z.rank() != 2 || z.extent(1) != d)
      throw ShapeError(fmt::format("denoiser: states of shape {} where [N, {}] is needed",
                                   to_string(z.shape()), d));
    Tensor<float> out(z.shape());
    const std::lock_guard lock(shared->mutex);
    shared->engine->set_timesteps(std::span<const int>(&t, 1));
    shared->engine->forward(z.span(), {}, EngineOutput::prediction, out.span());
    return out;
  };
}

Tensor<float> features(const DiffusionModel& model, const Tensor<float>& states,
                       std::span<const int> timesteps) {
  for (const int t : timesteps)
    if (t < 0 || t > model.schedule.steps())
      throw ArgumentError(
          fmt::format("features: timestep {} (0 to {})", t, model.schedule.steps()));
  return FeatureExtractor(model.network, {timesteps.begin(), timesteps.end()})(states);
}

}  // namespace papillon
