// The trainer's state as a safetensors file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "papillon/diffusion/trainer.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/nn/stored_state.hpp"
#include "papillon/tensor/hash.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {
namespace {

constexpr const char* checkpoint_format = "papillon-training-checkpoint";
constexpr std::uint64_t most_samples = 1ull << 62;

std::uint64_t hash(std::span<const float> values) {
  Fnv1a h;
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    h.add(bits);
  }
  return h.value;
}

}  // namespace

// All that the next step depends on, besides the step and the tensors, and but for total_samples.
RunSettings Trainer::settings() const {
  const TrainOptions& o = options_;
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  RunSettings settings = {
      {"seed", text(o.seed)},
      {"random_streams", text(random_streams_version)},
      {"schedule", std::string(schedule_.name())},
      {"diffusion_steps", text(schedule_.steps())},
      {"head", std::string(to_string(o.head))},
      {"hidden", text(o.hidden)},
      {"blocks", text(o.blocks)},
      {"embedding", text(o.embedding)},
      {"batch_size", text(o.batch_size)},
      {"strata", text(o.strata)},
      {"learning_rate", text(o.learning_rate)},
      {"final_learning_rate", text(o.final_learning_rate)},
      {"warmup", text(o.warmup_steps)},
      {"weight_decay", text(o.weight_decay)},
      {"clip_norm", text(o.clip_norm)},
      {"min_snr_gamma", text(o.min_snr_gamma)},
      {"ema_decay", text(o.ema_decay)},
      {"tile_rows", text(o.tile_rows)},
      {"data", fmt::format("{} x {} numbers {:016x}", states_->size() / shift_.size(),
                           shift_.size(), hash(states_->span()))}};
  std::string normalisation;
  for (std::size_t j = 0; j < shift_.size(); ++j)
    normalisation += fmt::format("{}{}/{}", j ? " " : "", shift_[j], scale_[j]);
  settings.emplace_back("normalisation", std::move(normalisation));
  return settings;
}

void Trainer::save_checkpoint(const std::filesystem::path& path) const {
  SafetensorsFile file;
  file.metadata["format"] = checkpoint_format;
  file.metadata["step"] = std::to_string(step_);
  file.metadata["total_samples"] = std::to_string(options_.total_samples);
  file.metadata["settings"] = to_text(settings());
  file.add("parameters", parameters_);
  file.add("average", average_);
  file.add("first_moment", first_moment_);
  file.add("second_moment", second_moment_);
  write_safetensors(path, file);
}

std::uint64_t Trainer::load_checkpoint(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto fail = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", path.string(), what));
  };
  if (metadata_text(file, "format", checkpoint_format) != checkpoint_format)
    fail("not a training checkpoint");
  require_same(path.string(), metadata_text(file, "settings", "those of the run"), settings());
  const std::uint64_t planned = metadata_integer(file, "total_samples", 1, most_samples),
                      step = metadata_integer(file, "step", 0, steps_for(planned));
  if (step > total_steps_)
    fail(fmt::format("{} samples are done, and this run has {} in all; ask for at least as many",
                     step * options_.batch_size, options_.total_samples));
  std::array<Tensor<float>, 4> tensors;
  const std::array<const char*, 4> names = {"parameters", "average", "first_moment",
                                            "second_moment"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!file.contains(names[i])) fail(fmt::format("tensor '{}' is missing", names[i]));
    tensors[i] = file.tensor<float>(names[i]);
    if (tensors[i].shape() != parameters_.shape())
      fail(fmt::format("tensor '{}' has shape {}; must have {}", names[i],
                       to_string(tensors[i].shape()), to_string(parameters_.shape())));
    try {
      check_values(names[i], tensors[i], i == 3 ? 0 : -std::numeric_limits<double>::infinity());
    } catch (const InputError& refused) {
      fail(refused.what());
    }
  }
  parameters_ = std::move(tensors[0]);
  average_ = std::move(tensors[1]);
  first_moment_ = std::move(tensors[2]);
  second_moment_ = std::move(tensors[3]);
  step_ = step;
  return planned;
}

}  // namespace papillon
