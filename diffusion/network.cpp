#include "papillon/diffusion/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <nlohmann/json.hpp>

#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {
namespace {

constexpr std::size_t largest_number = 1 << 20;  // of a config
using PaperNetwork = ResidualFilmMlp<float>;

struct Architectures {
  std::mutex mutex;
  std::map<std::string, std::function<Network(const NetworkConfig&)>> makers;
};

Architectures& registry() {
  static Architectures all;
  return all;
}

Shape matrix_shape(const SafetensorsFile& file, const std::string& name) {
  if (!file.contains(name))
    throw InputError("tensor '" + name + "' is missing (not a diffusion model?)");
  const Shape& shape = file.entry(name).shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0 || shape[0] > 65536 || shape[1] > 65536)
    throw InputError("tensor '" + name + "' has shape " + to_string(shape) +
                     " (a matrix is needed)");
  return shape;
}

Network make_paper_network(const SafetensorsFile& file, const std::string& prefix) {
  const Shape input = matrix_shape(file, prefix + "input_projection.weight");  // [H, D]
  std::size_t blocks = 0;
  while (file.contains(fmt::format("{}residual_layers.{}.gamma", prefix, blocks))) ++blocks;
  if (blocks == 0)
    throw InputError("tensor '" + prefix +
                     "residual_layers.0.gamma' is missing (not a diffusion model?)");
  const Shape film =
      matrix_shape(file, prefix + "residual_layers.0.film.affine_film.weight");  // [2H, E]
  if (film[1] < 4 || film[1] % 2 != 0)
    throw InputError("the time embedding's width must be even and at least 4");
  if (element_count(file) < fused::Layout(input[1], input[0], blocks, film[1]).size)
    throw InputError("tensors do not fit together (too few elements)");
  return PaperNetwork({input[1], input[0], blocks, film[1]}, 0);
}

NetworkConfig parse_json(const std::string& text) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) throw InputError("the network's config is no JSON object");
  NetworkConfig config;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest_number)
      throw InputError(
          fmt::format("the network's config has '{}': {}; must be an integer from 0 to {}", name,
                      value.dump(), largest_number));
    config.emplace_back(name, value.get<std::size_t>());
  }
  return config;
}

Network make_registered(const std::string& architecture, const NetworkConfig& config) {
  std::function<Network(const NetworkConfig&)> make;
  std::string known = PaperNetwork::architecture;
  {
    const std::lock_guard lock(registry().mutex);
    for (const auto& [name, maker] : registry().makers) {
      known += ", " + name;
      if (name == architecture) make = maker;
    }
  }
  if (!make)
    throw UnknownArchitecture(
        fmt::format("its network is of architecture '{}', which this program does not know; must "
                    "be one of {} (register_network() adds one)",
                    architecture, known));
  try {
    return make(config);
  } catch (const std::bad_alloc&) {
    throw InputError("the network's config asks for more memory than there is");
  } catch (const std::length_error&) {
    throw InputError("the network's config asks for more memory than there is");
  }
}

}  // namespace

std::size_t Network::parameter_count() const {
  std::size_t count = 0;
  for (const auto& entry : engine()->parameters()) count += element_count(entry.shape);
  return count;
}

void detail::throw_no_features(const std::string& architecture) {
  throw ArgumentError("features: a network of architecture '" + architecture + "' has none");
}

std::size_t detail::config_number(const NetworkConfig& numbers, const std::string& name) {
  for (const auto& [key, value] : numbers)
    if (key == name) return value;
  throw InputError("the network's config lacks '" + name + "'");
}

void register_network(const std::string& architecture,
                      std::function<Network(const NetworkConfig&)> make) {
  const std::lock_guard lock(registry().mutex);
  registry().makers[architecture] = std::move(make);
}

std::string to_json(const NetworkConfig& config) {
  auto json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : config) json[name] = value;
  return json.dump();
}

Network read_network(const SafetensorsFile& file, const std::string& prefix,
                     const std::string& architecture, const std::string& config) {
  const Network network = architecture.empty() || architecture == PaperNetwork::architecture
                              ? make_paper_network(file, prefix)
                              : make_registered(architecture, parse_json(config));
  const StateDict<float> weights = stored_state_dict(file, prefix, network.state_dict());
  for (const auto& [name, tensor] : weights) check_values(name, tensor);
  return network.with(weights);
}

}  // namespace papillon
