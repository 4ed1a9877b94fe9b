// Models as safetensors files.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "papillon/diffusion/model.hpp"
#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/nn/safetensors.hpp"

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

DiffusionModel parse(const SafetensorsFile& file) {
  // Files of the reference implementation have no format.
  const auto format = file.metadata.find("format");
  if (format != file.metadata.end() && format->second != model_format && format->second != "pt")
    throw InputError(
        fmt::format("metadata 'format' is '{}' ({} is needed)", format->second, model_format));
  const auto text = [&](const char* key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  Network network = read_network(file, "", text("architecture"), text("network"));
  const std::size_t d = network.state_dim();
  const Head head = parse_enum<Head>(
      metadata_text(file, "head", "noise, state, velocity or score: what the network predicts"),
      "metadata 'head'");
  NoiseSchedule schedule = read_schedule(file);
  check_head(head, schedule);
  std::map<std::string, std::string> training = file.metadata;
  for (const char* key : {"format", "architecture", "network", "head", "schedule", "schedule_steps",
                          "schedule_betas", "shift", "scale"})
    training.erase(key);
  return {std::move(network),
          std::move(schedule),
          head,
          {read_components(file, "shift", d, -std::numeric_limits<double>::infinity()),
           read_components(file, "scale", d, 0)},
          std::move(training)};
}

}  // namespace

void save_model(const std::filesystem::path& path, const DiffusionModel& model) {
  SafetensorsFile file;
  file.metadata = model.training;
  file.metadata["format"] = model_format;
  file.metadata["architecture"] = model.network.architecture();
  file.metadata["network"] = to_json(model.network.config());
  file.metadata["head"] = to_string(model.head);
  file.metadata["schedule"] = model.schedule.name();
  file.metadata["schedule_steps"] = std::to_string(model.schedule.steps());
  if (model.schedule.name() != "cosine")
    file.metadata["schedule_betas"] = nlohmann::json(model.schedule.betas()).dump();
  file.metadata["shift"] = nlohmann::json(model.normalisation.shift).dump();
  file.metadata["scale"] = nlohmann::json(model.normalisation.scale).dump();
  for (const auto& [name, tensor] : model.network.state_dict()) file.add(name, tensor);
  write_safetensors(path, file);
}

DiffusionModel load_model(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  try {
    return parse(file);
  } catch (const UnknownArchitecture& error) {
    throw UnknownArchitecture(file.source + ": " + error.what());
  } catch (const Error& error) {
    const std::string what = error.what();
    throw InputError(what.rfind(file.source, 0) == 0 ? what : file.source + ": " + what);
  }
}

}  // namespace papillon
