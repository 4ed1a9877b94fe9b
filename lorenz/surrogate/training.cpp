#include "papillon/lorenz/surrogate/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/learning_rate.hpp"
#include "papillon/nn/state_rows.hpp"
#include "papillon/nn/tape_gradient.hpp"
#include "papillon/nn/training_loop.hpp"

namespace papillon::inline surrogate {
namespace {

void check(const TrainingOptions& o, std::uint64_t samples) {
  if (samples == 0 || o.batch_size == 0 || o.tile_rows == 0 || o.total_samples == 0)
    throw ArgumentError(
        fmt::format("training: samples {}, batch size {}, tile rows {} and total "
                    "samples {} should be positive",
                    samples, o.batch_size, o.tile_rows, o.total_samples));
  if (!(o.learning_rate > 0 && std::isfinite(o.learning_rate)) || !(o.final_learning_rate >= 0))
    throw ArgumentError(fmt::format("training: learning rates {} and {} should be positive",
                                    o.learning_rate, o.final_learning_rate));
}

}  // namespace

TrainingReport train(const RegressionNetwork& network, std::uint64_t samples,
                     const TrainingRows& source, const TrainingOptions& o,
                     const std::function<void(const TrainingReport&)>& after) {
  check(o, samples);
  const auto batch = static_cast<std::size_t>(std::min<std::uint64_t>(o.batch_size, samples));
  const std::size_t d = network.outputs;
  const auto numbers = static_cast<double>(batch * d);
  TapeGradient<float> tape(network.parameters, o.tile_rows);
  Tensor<float> initial(Shape{tape.size()});
  float* next = initial.data();
  for (const auto& p : network.parameters)
    next = std::copy(p.value().begin(), p.value().end(), next);

  std::vector<std::uint64_t> rows(batch);
  EpochOrder order(samples, o.seed, Purpose::surrogate_order);
  const TapeGradient<float>::TileLoss squares = [&](std::size_t first, std::size_t n) {
    Tensor<float> x(Shape{n, network.inputs}), y(Shape{n, d});
    source(&rows[first], n, x.data(), y.data());
    const Var<float> error = network.predict(Var<float>(std::move(x))) - Var<float>(std::move(y));
    return sum(error * error);
  };
  const auto loss = [&](std::uint64_t step, std::span<const float> parameters,
                        std::span<float> gradient) {
    for (std::size_t i = 0; i < batch; ++i) rows[i] = order(step * batch + i);
    tape.set_parameters(parameters);
    return tape(batch, 1.0f / static_cast<float>(batch * d), squares, gradient) / numbers;
  };

  TrainingLoop loop(std::move(initial), {});
  TrainingReport report;
  report.total_steps = (o.total_samples + batch - 1) / batch;
  const WarmupCosine rate{o.learning_rate, o.final_learning_rate, 0, report.total_steps};
  while (report.step < report.total_steps) {
    const StepReport done = loop.step(loss, rate(report.step));
    report.step = done.step;
    report.samples = done.step * batch;
    report.loss = done.loss;
    if (after) {
      tape.set_parameters(loop.parameters().span());
      after(report);
    }
  }
  tape.set_parameters(loop.parameters().span());
  return report;
}

}  // namespace papillon::inline surrogate
