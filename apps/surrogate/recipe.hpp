// The names of models in a comparison, and what is made from them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "papillon/diffusion/model.hpp"
#include "papillon/lorenz/surrogate/network_fit.hpp"

namespace papillon::apps {

// What the recipes below may need.
struct Ingredients {
  std::size_t dimension = 3;
  const DiffusionModel* diffusion = nullptr;  // of "trained"; gives "untrained" its sizes
  std::vector<int> timesteps{};
  double fourier_width = 1;
  std::size_t hidden = 256;  // of networks from scratch and hidden layers on features
};

// trained, trained-t<k>, untrained, untrained-t<k>, rff<count>, rff<count>-w<width>, poly<degree>,
// state: features, with a linear readout by ridge regression; several joined by '+'; with "-mlp" at
// the end, a hidden layer in its place. dense<layers>, residual<blocks>: networks from scratch.
struct Recipe {
  std::string name;
  std::vector<std::string> features;  // empty: a network from scratch
  bool linear = true;
  NetworkShape shape{};

  bool uses(const char* what) const;  // whether a feature's name begins with this
  bool has(const char* feature) const;
};

// Throws UsageError that lists what there is.
Recipe parse_recipe(const std::string& name, std::size_t hidden);
// `trained` needs a diffusion model among the ingredients. Throws UsageError, ArgumentError.
FeaturesPtr make_features(const Recipe& recipe, const Ingredients& ingredients, std::uint64_t seed);

}  // namespace papillon::apps
