// The training loop: from the gradient of a batch to the next parameters and their average.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "papillon/nn/adam.hpp"
#include "papillon/nn/safetensors.hpp"

namespace papillon {

struct LoopOptions {
  FlatOptimizer optimizer = AdamOptions{};
  double clip_norm = 0;             // of the whole gradient; 0: off
  std::optional<double> ema_decay;  // of the averaged parameters; none: they are not averaged
};

struct StepReport {
  std::uint64_t step = 0;     // steps done, this one included
  std::uint64_t samples = 0;  // rows seen, this batch included
  double loss = 0;            // mean (weighted) square over rows and components
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping; 0 where clipping is off
};

// Parameters are one flat array. A step takes no memory once the first is done, and gives the same
// bits for any number of threads if the loss does.
class TrainingLoop {
 public:
  // The loss of batch number `step` (0, 1, ...), and its gradient.
  using BatchLoss = std::function<double(std::uint64_t step, std::span<const float> parameters,
                                         std::span<float> gradient)>;

  TrainingLoop(Tensor<float> parameters, LoopOptions options);

  // One update with this learning rate. Throws NumericalError if the loss is not finite.
  StepReport step(const BatchLoss& loss, double learning_rate);

  std::uint64_t steps_done() const { return step_; }
  const Tensor<float>& parameters() const { return tensors_.front(); }
  // The parameters themselves where they are not averaged.
  const Tensor<float>& average() const {
    return options_.ema_decay ? tensors_.back() : tensors_.front();
  }

  // "parameters", "average" and the optimizer's buffers, all that further steps depend on.
  void save(SafetensorsFile& file) const;
  // Throws InputError that begins with the file's name, and changes nothing, unless all is there,
  // of the same shape, and in its range.
  void load(const SafetensorsFile& file, std::uint64_t step);

 private:
  double clip_factor(double& norm);

  LoopOptions options_;
  std::uint64_t step_ = 0;
  std::vector<OptimizerBuffer> names_;  // of the tensors, and their ranges
  std::vector<Tensor<float>> tensors_;  // parameters, the optimizer's buffers, the average
  Tensor<float> gradient_;
  std::vector<double> squares_;  // of parts of the gradient
};

}  // namespace papillon
