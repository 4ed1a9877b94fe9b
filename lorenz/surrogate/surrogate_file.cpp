// Surrogates as safetensors files.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "papillon/diffusion/network.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"
#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/tensor/numbers.hpp"

namespace papillon::inline surrogate {
namespace {

constexpr const char* surrogate_format = "papillon-surrogate";
using Json = nlohmann::json;

// {"kind": ..., settings..., "parts": [...]}; weights go to the file under the prefix.
Json describe(const Features& features, const std::string& prefix, SafetensorsFile& file) {
  Json json = features.settings();
  json["kind"] = features.kind();
  for (const auto& [name, tensor] : features.weights()) file.add(prefix + name, tensor);
  const auto parts = features.parts();
  for (std::size_t i = 0; i < parts.size(); ++i)
    json["parts"].push_back(describe(*parts[i], fmt::format("{}{}.", prefix, i), file));
  return json;
}

template <class Number>
Number number(const Json& json, const char* key) {
  const std::string text = json.value(key, "");
  const auto value = [&] {
    if constexpr (std::is_floating_point_v<Number>)
      return parse_number(text);
    else
      return parse_count(text);
  }();
  if (!value) throw InputError(fmt::format("features: '{}' is '{}'; must be a number", key, text));
  return *value;
}

Timesteps read_timesteps(const Json& json) {
  const Json list = Json::parse("[" + json.value("timesteps", "") + "]", nullptr, false);
  Timesteps timesteps;
  for (const auto& t : list) {
    if (!t.is_number_integer() || t < 0 || t > 1'000'000)
      throw InputError("features: 'timesteps' must be a list of numbers");
    timesteps.push_back(t.get<int>());
  }
  return timesteps;
}

FeaturesPtr read_features(const Json& json, std::size_t dimension, const std::string& prefix,
                          const SafetensorsFile& file, int depth) {
  if (depth > 8)
    throw InputError("features: concatenations within concatenations, more than 8 deep");
  const std::string kind = json.is_object() ? json.value("kind", "") : "";
  if (kind == "identity") return identity_features(dimension);
  if (kind == "polynomials")
    return polynomial_features(dimension, number<std::size_t>(json, "degree"));
  if (kind == "random_fourier") {
    const FourierOptions o{number<std::size_t>(json, "count"), number<double>(json, "width"),
                           number<std::uint64_t>(json, "seed")};
    // Each has weights in the readout.
    if (o.count > element_count(file))
      throw InputError(
          fmt::format("features: 'count' is {}, more than the file has numbers", o.count));
    return random_fourier_features(dimension, o);
  }
  if (kind == "network")
    return network_features(
        read_network(file, prefix, json.value("architecture", ""), json.value("network", "")),
        read_timesteps(json));
  if (kind == "concatenation" && json.contains("parts") && json["parts"].is_array()) {
    std::vector<FeaturesPtr> parts;
    for (std::size_t i = 0; i < json["parts"].size(); ++i)
      parts.push_back(read_features(json["parts"][i], dimension, fmt::format("{}{}.", prefix, i),
                                    file, depth + 1));
    return concatenated_features(std::move(parts));
  }
  throw InputError("features: kind '" + kind + "' is not known");
}

Surrogate parse(const SafetensorsFile& file) {
  if (metadata_text(file, "format", surrogate_format) != surrogate_format)
    throw InputError(fmt::format("metadata 'format' is '{}' ({} is needed)",
                                 file.metadata.at("format"), surrogate_format));
  const auto shift = metadata_numbers(file, "shift", "one a component"),
             scale = metadata_numbers(file, "scale", "one a component"),
             time_step = metadata_numbers(file, "time_step", "one");
  if (time_step.size() != 1)
    throw InputError(
        fmt::format("metadata 'time_step' has {} numbers; must have one", time_step.size()));
  for (const auto& entry : file.entries)
    if (entry.dtype == "F32" || entry.dtype == "F64")  // others are not read
      check_values(entry.name, file.tensor<double>(entry.name));
  const Json description =
      Json::parse(metadata_text(file, "features", "a description in JSON"), nullptr, false);
  Surrogate surrogate(read_features(description, shift.size(), "features.", file, 0),
                      load_readout(metadata_text(file, "readout", "linear, mlp or residual"), file),
                      shift, scale, time_step[0]);
  surrogate.training = file.metadata;
  for (const char* key : {"format", "features", "readout", "shift", "scale", "time_step"})
    surrogate.training.erase(key);
  return surrogate;
}

}  // namespace

void save_surrogate(const std::filesystem::path& path, const Surrogate& surrogate) {
  SafetensorsFile file;
  file.metadata = surrogate.training;
  file.metadata["format"] = surrogate_format;
  file.metadata["features"] = describe(surrogate.features(), "features.", file).dump();
  file.metadata["readout"] = surrogate.readout().kind();
  file.metadata["shift"] = Json(surrogate.shift()).dump();
  file.metadata["scale"] = Json(surrogate.scale()).dump();
  file.metadata["time_step"] = Json(std::vector<double>{surrogate.time_step()}).dump();
  surrogate.readout().save(file);
  write_safetensors(path, file);
}

Surrogate load_surrogate(const std::filesystem::path& path) {
  const SafetensorsFile file = read_safetensors(path);
  try {
    return parse(file);
  } catch (const Json::exception&) {
    throw InputError(fmt::format("{}: metadata 'features' is malformed", path.string()));
  } catch (const UnknownArchitecture& error) {
    throw UnknownArchitecture(path.string() + ": " + error.what());
  } catch (const Error& error) {
    const std::string what = error.what();
    throw InputError(what.rfind(path.string(), 0) == 0 ? what : path.string() + ": " + what);
  }
}

}  // namespace papillon::inline surrogate
