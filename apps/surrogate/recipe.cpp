#include "papillon/apps/surrogate/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "papillon/apps/command.hpp"
#include "papillon/apps/numbers.hpp"

namespace papillon::apps {
namespace {

bool begins_with(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

// The number that follows `start` in `name`, where that is all there is.
std::optional<std::size_t> number_after(const std::string& name, const std::string& start) {
  if (!begins_with(name, start) || name.size() == start.size()) return std::nullopt;
  std::size_t value = 0;
  const char* last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data() + start.size(), last, value);
  if (error != std::errc() || end != last || value > 1'000'000) return std::nullopt;
  return value;
}

// rff<count> or rff<count>-w<width>.
std::optional<FourierOptions> fourier(const std::string& name, double width) {
  const std::size_t dash = name.find("-w");
  const auto count = number_after(name.substr(0, dash), "rff");
  if (count.value_or(0) == 0) return std::nullopt;
  if (dash != std::string::npos) {
    width = parse_number(name.substr(dash + 2)).value_or(0);
    if (!(width > 0 && width < 1e6)) return std::nullopt;
  }
  return FourierOptions{*count, width, 0};
}

bool is_feature(const std::string& name) {
  if (name == "trained" || name == "untrained" || name == "state") return true;
  return number_after(name, "trained-t") || number_after(name, "untrained-t") || fourier(name, 1) ||
         number_after(name, "poly").value_or(0) > 0;
}

FeaturesPtr one_feature(const std::string& name, const Ingredients& from, std::uint64_t seed) {
  if (name == "state") return identity_features(from.dimension);
  if (auto options = fourier(name, from.fourier_width)) {
    options->seed = seed;
    return random_fourier_features(from.dimension, *options);
  }
  if (const auto degree = number_after(name, "poly"))
    return polynomial_features(from.dimension, *degree);
  const bool trained = begins_with(name, "trained");
  std::vector<int> timesteps = from.timesteps;
  if (const auto t = number_after(name, trained ? "trained-t" : "untrained-t"))
    timesteps = {static_cast<int>(*t)};
  if (from.diffusion != nullptr)
    for (const int t : timesteps)
      if (t > from.diffusion->schedule.steps())
        throw UsageError(fmt::format("timestep {} of '{}': the model has {} steps", t, name,
                                     from.diffusion->schedule.steps()));
  if (trained && from.diffusion != nullptr)
    return network_features(from.diffusion->network, timesteps);
  if (trained) throw UsageError(fmt::format("'{}' needs a trained diffusion model", name));
  if (from.diffusion != nullptr)
    return network_features(from.diffusion->network.initialised(seed), timesteps);
  return network_features(ResidualFilmMlp<float>({.state_dim = from.dimension}, seed), timesteps);
}

}  // namespace

bool Recipe::uses(const char* what) const {
  return std::any_of(features.begin(), features.end(),
                     [&](const std::string& f) { return begins_with(f, what); });
}

bool Recipe::has(const char* feature) const {
  return std::find(features.begin(), features.end(), feature) != features.end();
}

Recipe parse_recipe(const std::string& name, std::size_t hidden) {
  Recipe recipe;
  recipe.name = name;
  recipe.shape.hidden = hidden;
  if (const auto layers = number_after(name, "dense"); layers.value_or(0) > 0) {
    recipe.linear = false;
    recipe.shape.layers = *layers;
    return recipe;
  }
  const auto blocks = name == "residual" ? 3 : number_after(name, "residual");
  if (blocks.value_or(0) > 0) {
    recipe.linear = false;
    recipe.shape.kind = NetworkShape::Kind::residual;
    recipe.shape.layers = *blocks;
    return recipe;
  }
  std::string rest = name;
  if (rest.size() > 4 && rest.substr(rest.size() - 4) == "-mlp") {
    recipe.linear = false;
    rest.resize(rest.size() - 4);
  }
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t end = std::min(rest.find('+', begin), rest.size());
    recipe.features.push_back(rest.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const std::string& f : recipe.features)
    if (!is_feature(f))
      throw UsageError(
          fmt::format("'{}' is no model; there are trained, trained-t400, untrained, "
                      "untrained-t400, rff256, poly4, state (joined by '+', with -mlp at the end "
                      "for a hidden layer), dense2 and residual3, with any numbers",
                      name));
  return recipe;
}

FeaturesPtr make_features(const Recipe& recipe, const Ingredients& ingredients,
                          std::uint64_t seed) {
  if (recipe.features.empty()) return identity_features(ingredients.dimension);
  std::vector<FeaturesPtr> parts;
  for (const std::string& f : recipe.features) parts.push_back(one_feature(f, ingredients, seed));
  return concatenated_features(std::move(parts));
}

}  // namespace papillon::apps
