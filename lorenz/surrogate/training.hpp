// Trains a network on rows of features and increments: batches over threads, a tape a tile.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon::inline surrogate {

struct TrainingOptions {
  std::uint64_t seed = 0;  // of the order of the samples
  std::uint64_t total_samples =
      0;                           // rows seen in all (epochs times samples), rounded up to batches
  std::size_t batch_size = 16384;  // at most the number of samples
  double learning_rate = 5e-5;     // of Adam
  double final_learning_rate = 5e-5;  // reached along half a cosine
  std::size_t tile_rows = 256;
};

// Writes the rows with these numbers: inputs x [n, F] and targets y [n, D]. Called from several
// threads at once.
using TrainingRows =
    std::function<void(const std::uint64_t* rows, std::size_t n, float* x, float* y)>;

// A network as the trainer uses it.
struct RegressionNetwork {
  std::function<Var<float>(const Var<float>&)> predict;  // [n, inputs] -> [n, outputs]
  std::vector<Var<float>> parameters;                    // changed in place
  std::size_t inputs = 0, outputs = 0;
};

struct TrainingReport {
  std::uint64_t step = 0, total_steps = 0, samples = 0;
  double loss = 0;  // mean square over the batch's rows and components
};

// Minimises the mean squared error with Adam. Each epoch takes all `samples` rows once, in an order
// of its own. Tiles go to a fixed number of lanes whose gradients are added in a fixed order: the
// same bits for any number of threads. `after` is called after each step, and may throw to stop.
// Throws ArgumentError, and NumericalError if the loss is not finite.
TrainingReport train(const RegressionNetwork& network, std::uint64_t samples,
                     const TrainingRows& source, const TrainingOptions& o,
                     const std::function<void(const TrainingReport&)>& after = {});

}  // namespace papillon::inline surrogate
