// The trainer's state as a safetensors file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "papillon/diffusion/trainer.hpp"
#include "papillon/nn/safetensors.hpp"

namespace papillon {
namespace {

constexpr const char* checkpoint_format = "papillon-training-checkpoint";

// FNV-1a over the bits: tells one data set from another, not an adversary from a friend.
std::uint64_t hash(std::span<const float> values) {
  std::uint64_t h = 14695981039346656037ull;
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    h = (h ^ bits) * 1099511628211ull;
  }
  return h;
}

}  // namespace

// All that the next step depends on, besides the step and the tensors. Doubles are in hexadecimal,
// so that equal strings mean equal bits.
std::string Trainer::fingerprint() const {
  const TrainOptions& o = options_;
  std::string text = fmt::format(
      "seed {} network {}x{} embedding {} head {} samples {} batch {} strata {} rate {:a} {:a} "
      "warmup {} "
      "decay {:a} clip {:a} gamma {:a} ema {:a} tile {} schedule {} {} data {}x{} {:016x}",
      o.seed, o.blocks, o.hidden, o.embedding, to_string(o.head), o.total_samples, o.batch_size,
      o.strata, o.learning_rate, o.final_learning_rate, o.warmup_steps, o.weight_decay, o.clip_norm,
      o.min_snr_gamma, o.ema_decay, o.tile_rows, schedule_.name(), schedule_.steps(),
      states_->size() / shift_.size(), shift_.size(), hash(states_->span()));
  for (std::size_t j = 0; j < shift_.size(); ++j)
    text += fmt::format(" {:a}/{:a}", shift_[j], scale_[j]);
  return text;
}

void Trainer::save_checkpoint(const std::filesystem::path& path) const {
  SafetensorsFile file;
  file.metadata["format"] = checkpoint_format;
  file.metadata["step"] = std::to_string(step_);
  file.metadata["settings"] = fingerprint();
  file.add("parameters", parameters_);
  file.add("average", average_);
  file.add("first_moment", first_moment_);
  file.add("second_moment", second_moment_);
  write_safetensors(path, file);
}

void Trainer::load_checkpoint(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto fail = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", path.string(), what));
  };
  const auto text = [&](const char* key) -> std::string {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? "" : found->second;
  };
  if (text("format") != checkpoint_format) fail("not a training checkpoint");
  if (text("settings") != fingerprint())
    fail(fmt::format("belongs to a run with other settings or data: it has '{}', this run '{}'",
                     text("settings"), fingerprint()));
  const std::string step_text = text("step");
  std::uint64_t step = 0;
  const auto [end, error] =
      std::from_chars(step_text.data(), step_text.data() + step_text.size(), step);
  if (error != std::errc() || end != step_text.data() + step_text.size() || step > total_steps_)
    fail("metadata 'step' is '" + step_text + "'");
  std::array<Tensor<float>, 4> tensors;
  const std::array<const char*, 4> names = {"parameters", "average", "first_moment",
                                            "second_moment"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!file.contains(names[i])) fail(fmt::format("tensor '{}' is missing", names[i]));
    tensors[i] = file.tensor<float>(names[i]);
    if (tensors[i].shape() != parameters_.shape() || !all_finite(tensors[i]))
      fail(fmt::format("tensor '{}' has shape {} or values that are not finite ({} is needed)",
                       names[i], to_string(tensors[i].shape()), to_string(parameters_.shape())));
  }
  parameters_ = std::move(tensors[0]);
  average_ = std::move(tensors[1]);
  first_moment_ = std::move(tensors[2]);
  second_moment_ = std::move(tensors[3]);
  step_ = step;
}

}  // namespace papillon
