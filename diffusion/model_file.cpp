// Models as safetensors files.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "papillon/diffusion/model.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/nn/state_dict.hpp"

namespace papillon {
namespace {

constexpr const char* model_format = "papillon-diffusion-model";

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw InputError(fmt::format("{}: {}", path.string(), what));
}

// A metadata string that holds a JSON array of numbers.
std::vector<double> numbers(const std::filesystem::path& path, const std::string& key,
                            const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array() || json.empty() || json.size() > 10'000'000)
    fail(path, "metadata '" + key + "' is not an array of numbers");
  std::vector<double> out;
  for (const auto& item : json) {
    if (!item.is_number() || !std::isfinite(item.get<double>()))
      fail(path, "metadata '" + key + "' is not an array of numbers");
    out.push_back(item.get<double>());
  }
  return out;
}

std::string required(const std::filesystem::path& path, const SafetensorsFile& file,
                     const std::string& key, const char* right) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    fail(path, fmt::format("metadata '{}' is missing ({})", key, right));
  return found->second;
}

NoiseSchedule read_schedule(const std::filesystem::path& path, const SafetensorsFile& file) {
  const std::string name = required(path, file, "schedule", "cosine, linear or custom");
  const std::string text = required(path, file, "schedule_steps", "a number of diffusion steps");
  int steps = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (error != std::errc() || end != text.data() + text.size() || steps < 1 || steps > 1'000'000)
    fail(path, "metadata 'schedule_steps' is '" + text + "' (1 to 1000000)");
  try {
    if (!file.metadata.contains("schedule_betas")) return NoiseSchedule::parse(name, steps);
    const auto betas = numbers(path, "schedule_betas", file.metadata.at("schedule_betas"));
    if (betas.size() != static_cast<std::size_t>(steps))
      fail(path, fmt::format("{} betas for {} diffusion steps", betas.size(), steps));
    return NoiseSchedule::from_betas(betas, name);
  } catch (const ArgumentError& e) {
    fail(path, e.what());
  }
}

}  // namespace

void save_model(const std::filesystem::path& path, const DiffusionModel& model) {
  SafetensorsFile file;
  file.metadata = model.training;
  file.metadata["format"] = model_format;
  file.metadata["head"] = to_string(model.head);
  file.metadata["schedule"] = model.schedule.name();
  file.metadata["schedule_steps"] = std::to_string(model.schedule.steps());
  if (model.schedule.name() != "cosine")
    file.metadata["schedule_betas"] = nlohmann::json(model.schedule.betas()).dump();
  file.metadata["shift"] = nlohmann::json(model.shift).dump();
  file.metadata["scale"] = nlohmann::json(model.scale).dump();
  for (const auto& [name, tensor] : state_dict<float>(model.network)) file.add(name, tensor);
  write_safetensors(path, file);
}

DiffusionModel load_model(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto shape_of = [&](const std::string& name) -> Shape {
    if (!file.contains(name))
      fail(path, "tensor '" + name + "' is missing (not a diffusion model?)");
    const Shape& shape = file.entry(name).shape;
    if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0 || shape[0] > 65536 || shape[1] > 65536)
      fail(path, "tensor '" + name + "' has shape " + to_string(shape) + " (a matrix is needed)");
    return shape;
  };
  const Shape input = shape_of("input_projection.weight");  // [H, D]
  std::size_t blocks = 0;
  while (file.contains(fmt::format("residual_layers.{}.gamma", blocks))) ++blocks;
  if (blocks == 0)
    fail(path, "tensor 'residual_layers.0.gamma' is missing (not a diffusion model?)");
  const Shape film = shape_of("residual_layers.0.film.affine_film.weight");  // [2H, E]
  if (film[1] < 4 || film[1] % 2 != 0) fail(path, "the time embedding's width must be even");

  const std::string head_name =
      required(path, file, "head", "noise, state, velocity or score: what the network predicts");
  auto shift = numbers(path, "shift", required(path, file, "shift", "e.g. [0, 0, 0]"));
  auto scale = numbers(path, "scale", required(path, file, "scale", "e.g. [1, 1, 1]"));
  if (shift.size() != input[1] || scale.size() != input[1])
    fail(path, fmt::format("{} shifts and {} scales for states of {} components", shift.size(),
                           scale.size(), input[1]));
  for (const double s : scale)
    if (!(s > 0)) fail(path, "metadata 'scale' must be positive");

  Head head{};
  try {
    head = parse_head(head_name);
  } catch (const ArgumentError& e) {
    fail(path, e.what());
  }
  // Shapes are checked before the network is made: a lying file must not cost its memory.
  // A parameter has two bytes or more.
  std::size_t bytes = 0;
  for (const auto& entry : file.entries) bytes += entry.bytes.size();
  const fused::Layout layout(input[1], input[0], blocks, film[1]);
  if (bytes / 2 < layout.size) fail(path, "tensors do not fit together (too few elements)");

  ResidualFilmMlp<float> network({input[1], input[0], blocks, film[1]}, 0);
  try {
    load_state_dict<float>(network, file);
  } catch (const InputError& e) {
    const std::string what = e.what();
    if (what.rfind(path.string(), 0) == 0) throw;
    fail(path, what);
  }
  for (const auto& [name, tensor] : state_dict<float>(network))
    if (!all_finite(tensor)) fail(path, "tensor '" + name + "' has NaN or infinity");
  std::map<std::string, std::string> training = file.metadata;
  for (const char* key :
       {"format", "head", "schedule", "schedule_steps", "schedule_betas", "shift", "scale"})
    training.erase(key);
  return {std::move(network), read_schedule(path, file), head,
          std::move(shift),   std::move(scale),          std::move(training)};
}

}  // namespace papillon
