// The trainer's state as a safetensors file.
#include <fmt/format.h>

#include "papillon/diffusion/trainer.hpp"
#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/tensor/hash.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {
namespace {

constexpr const char* checkpoint_format = "papillon-training-checkpoint";
constexpr std::uint64_t most_samples = 1ull << 62;

}  // namespace

// All that the next step depends on, besides the step and the tensors, and but for total_samples.
RunSettings Trainer::settings() const {
  const TrainOptions& o = options_;
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  RunSettings settings = {{"seed", text(o.seed)},
                          {"random_streams", text(random_streams_version)},
                          {"schedule", std::string(schedule_.name())},
                          {"diffusion_steps", text(schedule_.steps())},
                          {"head", std::string(to_string(o.head))},
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
                          {"data", fmt::format("{} x {} numbers {:016x}", states_->rows(),
                                               states_->width(), data_hash_)}};
  // A checkpoint that names no architecture is of the paper's network.
  if (network_.architecture() != ResidualFilmMlp<float>::architecture)
    settings.emplace_back("architecture", network_.architecture());
  for (const auto& [name, value] : network_.config())
    if (name != "state_dim") settings.emplace_back(name, text(value));
  std::string normalisation;
  for (std::size_t j = 0; j < normalisation_.dimension(); ++j)
    normalisation +=
        fmt::format("{}{}/{}", j ? " " : "", normalisation_.shift[j], normalisation_.scale[j]);
  settings.emplace_back("normalisation", std::move(normalisation));
  return settings;
}

void Trainer::save_checkpoint(const std::filesystem::path& path) const {
  SafetensorsFile file;
  file.metadata["format"] = checkpoint_format;
  file.metadata["architecture"] = network_.architecture();
  file.metadata["step"] = std::to_string(steps_done());
  file.metadata["total_samples"] = std::to_string(options_.total_samples);
  file.metadata["settings"] = to_text(settings());
  loop_.save(file);
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
  loop_.load(file, step);
  return planned;
}

}  // namespace papillon
