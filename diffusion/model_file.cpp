// Models as safetensors files.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "papillon/diffusion/model.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/nn/stored_state.hpp"

namespace papillon {
namespace {

constexpr const char* model_format = "papillon-diffusion-model";

NoiseSchedule read_schedule(const SafetensorsFile& file) {
  const std::string name = metadata_text(file, "schedule", "cosine, linear or custom");
  const int steps = static_cast<int>(metadata_integer(file, "schedule_steps", 1, 1'000'000));
  if (!file.metadata.contains("schedule_betas")) return NoiseSchedule::parse(name, steps);
  auto betas = metadata_numbers(file, "schedule_betas", "one beta a diffusion step");
  if (betas.size() != static_cast<std::size_t>(steps))
    throw InputError(fmt::format("{} betas for {} diffusion steps", betas.size(), steps));
  // The cosine schedule is known by its name alone: save_model writes no betas for it.
  if (name == "cosine") {
    const NoiseSchedule cosine = NoiseSchedule::cosine(steps);
    for (int t = 1; t <= steps; ++t)
      if (const double beta = betas[static_cast<std::size_t>(t - 1)];
          !(std::abs(beta - cosine.beta(t)) <= 1e-6))
        throw InputError(fmt::format(
            "metadata 'schedule_betas' has {} at step {}, and 'schedule' is cosine ({})", beta, t,
            cosine.beta(t)));
  }
  return NoiseSchedule::from_betas(std::move(betas), name);
}

// Normalisation: one finite number a component, scales positive.
std::vector<double> read_components(const SafetensorsFile& file, const char* key, std::size_t d,
                                    double above) {
  auto numbers = metadata_numbers(file, key, "one a component of the states");
  if (numbers.size() != d)
    throw InputError(fmt::format("metadata '{}' has {} numbers for states of {} components", key,
                                 numbers.size(), d));
  for (const double x : numbers)
    if (!(x > above))
      throw InputError(fmt::format("metadata '{}' has {}; must be positive", key, x));
  return numbers;
}

Shape matrix(const SafetensorsFile& file, const std::string& name) {
  if (!file.contains(name))
    throw InputError("tensor '" + name + "' is missing (not a diffusion model?)");
  const Shape& shape = file.entry(name).shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0 || shape[0] > 65536 || shape[1] > 65536)
    throw InputError("tensor '" + name + "' has shape " + to_string(shape) +
                     " (a matrix is needed)");
  return shape;
}

ResidualFilmMlp<float> read_network(const SafetensorsFile& file) {
  const Shape input = matrix(file, "input_projection.weight");  // [H, D]
  std::size_t blocks = 0;
  while (file.contains(fmt::format("residual_layers.{}.gamma", blocks))) ++blocks;
  if (blocks == 0)
    throw InputError("tensor 'residual_layers.0.gamma' is missing (not a diffusion model?)");
  const Shape film = matrix(file, "residual_layers.0.film.affine_film.weight");  // [2H, E]
  if (film[1] < 4 || film[1] % 2 != 0)
    throw InputError("the time embedding's width must be even and at least 4");
  const fused::Layout layout(input[1], input[0], blocks, film[1]);
  if (element_count(file) < layout.size)
    throw InputError("tensors do not fit together (too few elements)");
  ResidualFilmMlp<float> network({input[1], input[0], blocks, film[1]}, 0);
  load_state_dict<float>(network, file);
  for (const auto& [name, tensor] : state_dict<float>(network)) check_values(name, tensor);
  return network;
}

DiffusionModel parse(const SafetensorsFile& file) {
  // Files of the reference implementation have no format.
  const auto format = file.metadata.find("format");
  if (format != file.metadata.end() && format->second != model_format && format->second != "pt")
    throw InputError(
        fmt::format("metadata 'format' is '{}' ({} is needed)", format->second, model_format));
  ResidualFilmMlp<float> network = read_network(file);
  const std::size_t d = network.config.state_dim;
  const Head head = parse_enum<Head>(
      metadata_text(file, "head", "noise, state, velocity or score: what the network predicts"),
      "metadata 'head'");
  NoiseSchedule schedule = read_schedule(file);
  check_head(head, schedule);
  std::map<std::string, std::string> training = file.metadata;
  for (const char* key :
       {"format", "head", "schedule", "schedule_steps", "schedule_betas", "shift", "scale"})
    training.erase(key);
  return {std::move(network),
          std::move(schedule),
          head,
          read_components(file, "shift", d, -std::numeric_limits<double>::infinity()),
          read_components(file, "scale", d, 0),
          std::move(training)};
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
  try {
    return parse(file);
  } catch (const Error& error) {
    const std::string what = error.what();
    throw InputError(what.rfind(file.source, 0) == 0 ? what : file.source + ": " + what);
  }
}

}  // namespace papillon
