#include "papillon/diffusion/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>

#include "papillon/diffusion/feature_extractor.hpp"
#include "papillon/diffusion/flat_parameters.hpp"
#include "papillon/nn/fused/engine.hpp"
#include "papillon/nn/state_dict.hpp"

namespace papillon {
namespace {

struct SharedEngine {
  explicit SharedEngine(const DiffusionModel& model)
      : parameters(flat_parameters(model.network)), engine(layout_of(model.network)) {
    engine.set_parameters(parameters.span());
  }
  std::mutex mutex;
  Tensor<float> parameters;
  fused::Engine<float> engine;
};

// x -> x * factor + offset, component by component.
void affine(Tensor<float>& states, std::span<const double> factor, std::span<const double> offset,
            const char* op) {
  const std::size_t d = factor.size();
  if (d == 0 || states.rank() == 0 || states.shape().back() != d)
    throw ShapeError(fmt::format("{}: states of shape {} where the last extent should be {}", op,
                                 to_string(states.shape()), d));
  const std::size_t rows = states.size() / d;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < d; ++j) {
      float& x = states[i * d + j];
      x = static_cast<float>(static_cast<double>(x) * factor[j] + offset[j]);
    }
}

}  // namespace

void normalise(Tensor<float>& states, std::span<const double> shift,
               std::span<const double> scale) {
  if (shift.size() != scale.size())
    throw ArgumentError("normalise: shift and scale differ in size");
  const std::size_t d = shift.size();
  if (d == 0 || states.rank() == 0 || states.shape().back() != d)
    throw ShapeError(fmt::format("normalise: states of shape {} where the last extent should be {}",
                                 to_string(states.shape()), d));
  for (std::size_t i = 0; i < states.size() / d; ++i)
    normalise_row(states.data() + i * d, shift, scale, states.data() + i * d);
}

void denormalise(Tensor<float>& states, std::span<const double> shift,
                 std::span<const double> scale) {
  if (shift.size() != scale.size())
    throw ArgumentError("denormalise: shift and scale differ in size");
  affine(states, scale, shift, "denormalise");
}

void check_states(const Tensor<float>& states, std::span<const double> shift,
                  std::span<const double> scale, const char* what) {
  const std::size_t d = shift.size();
  if (d == 0 || scale.size() != d)
    throw ArgumentError(fmt::format("{}: {} shifts and {} scales (one of each a component)", what,
                                    d, scale.size()));
  for (std::size_t j = 0; j < d; ++j)
    if (!std::isfinite(shift[j]) || !std::isfinite(scale[j]) || !(scale[j] > 0))
      throw ArgumentError(
          fmt::format("{}: component {} has shift {} and scale {} (finite, scale > 0)", what, j,
                      shift[j], scale[j]));
  if (states.rank() == 0 || states.empty() || states.shape().back() != d)
    throw InputError(fmt::format("{}: shape {} (states of {} components are needed)", what,
                                 to_string(states.shape()), d));
  const auto bad =
      std::find_if(states.begin(), states.end(), [](float x) { return !std::isfinite(x); });
  if (bad != states.end()) {
    const auto at = static_cast<std::size_t>(bad - states.begin());
    throw InputError(fmt::format("{}: state {}, component {} is {} (finite values are needed)",
                                 what, at / d, at % d, *bad));
  }
}

Tensor<float> initial_parameters(const fused::Layout& layout, std::uint64_t seed) {
  const ResidualFilmMlp<float> network(
      {layout.state_dim, layout.hidden, layout.blocks.size(), layout.embedding}, seed);
  return flat_parameters(network);
}

DiffusionModel make_model(const fused::Layout& layout, std::span<const float> parameters,
                          const NoiseSchedule& schedule, Head head, std::vector<double> shift,
                          std::vector<double> scale) {
  ResidualFilmMlp<float> network(
      {layout.state_dim, layout.hidden, layout.blocks.size(), layout.embedding}, 0);
  StateDict<float> dict = state_dict<float>(network);
  for (auto& [name, tensor] : dict)
    for (const auto& entry : layout.entries)
      if (entry.name == name)
        std::copy_n(parameters.begin() + static_cast<std::ptrdiff_t>(entry.offset), tensor.size(),
                    tensor.begin());
  load_state_dict<float>(network, dict);
  return {std::move(network), schedule, head, std::move(shift), std::move(scale), {}};
}

Denoiser<float> make_denoiser(const DiffusionModel& model) {
  const auto shared = std::make_shared<SharedEngine>(model);
  return [shared](const Tensor<float>& z, int t) {
    const std::size_t d = shared->engine.layout().state_dim;
    if (z.rank() != 2 || z.extent(1) != d)
      throw ShapeError(fmt::format("denoiser: states of shape {} where [N, {}] is needed",
                                   to_string(z.shape()), d));
    Tensor<float> out(z.shape());
    const std::lock_guard lock(shared->mutex);
    shared->engine.set_timesteps(std::span<const int>(&t, 1));
    shared->engine.forward(z.span(), {}, fused::Output::prediction, out.span());
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
