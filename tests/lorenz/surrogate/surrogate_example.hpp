// What the tests of surrogates share: trajectories and fitted surrogates.
#pragma once

#include "papillon/diffusion/network.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/lorenz/surrogate/fit.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/tensor/random.hpp"

namespace papillon::test {

inline const std::vector<double> shift = {0.0450, 0.0451, 23.5463},
                                 scale = {7.9239, 9.0124, 8.6261};

inline Tensor<float> attractor(std::size_t members, std::size_t steps, std::uint64_t number) {
  TrajectorySetOptions o;
  o.members = members;
  o.burn_in = 3000;
  o.steps = steps;
  o.initial_std = 1;
  o.number = number;
  return trajectories(Lorenz63{}, o);
}

inline ResidualFilmMlp<float> small_network(std::uint64_t seed) {
  ResidualFilmMlp<float> network({3, 16, 2, 8}, seed);
  // Branches that do something: gamma starts at 1e-6.
  for (auto& layer : network.residual_layers) layer.gamma.mutable_value().fill(0.5f);
  return network;
}

inline Surrogate fitted(const FeaturesPtr& features, const Tensor<float>& states,
                        double lambda = 1e-8, std::uint64_t samples = 4096) {
  const TrainingPairs pairs(states, shift, scale, {.lead = 10, .samples = samples});
  return {features, linear_readout(ridge_system(*features, pairs).solve(lambda)), shift, scale,
          0.1};
}

}  // namespace papillon::test
