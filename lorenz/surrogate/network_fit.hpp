// Fits networks: deep ones on states, from scratch, or a hidden layer on given features.
#pragma once

#include <functional>

#include "papillon/lorenz/metrics/frechet.hpp"
#include "papillon/lorenz/surrogate/pairs.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"
#include "papillon/lorenz/surrogate/training.hpp"

namespace papillon::inline surrogate {

// A multilayer perceptron or a residual network.
struct NetworkShape {
  // Which of the two.
  enum class Kind { dense, residual } kind = Kind::dense;
  std::size_t layers = 1;    // hidden layers of ReLU; blocks of a residual network
  std::size_t hidden = 256;  // width of a hidden layer
};

// A network from features (identity: the state) to the increment. Features other than the state are
// standardised, and kept in memory where they need at most cache_bytes; else they are computed anew
// in each epoch. options.seed also draws the initial weights. Throws what train() throws.
ReadoutPtr fit_network(const Features& features, const TrainingPairs& pairs,
                       const NetworkShape& shape, const TrainingOptions& options,
                       const std::function<void(const TrainingReport&)>& after = {},
                       std::size_t cache_bytes = std::size_t{1} << 31);

// The values before the last layer of the surrogate's network, for states that are normalised as
// the surrogate's are. Throws ArgumentError if it has none.
FeatureMap hidden_features(const Surrogate& surrogate);

}  // namespace papillon::inline surrogate
