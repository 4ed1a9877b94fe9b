#include "papillon/lorenz/surrogate/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "papillon/autograd/gradient.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/nn/adam.hpp"
#include "papillon/nn/learning_rate.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random_streams.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline surrogate {
namespace {

constexpr std::size_t max_lanes = 16;

// The order in which rows are seen: one permutation an epoch.
class Order {
 public:
  Order(std::uint64_t samples, std::uint64_t seed) : samples_(samples), seed_(seed) {}
  std::uint64_t operator()(std::uint64_t i) {
    const std::uint64_t epoch = i / samples_;
    if (!permutation_ || epoch != epoch_) {
      permutation_.emplace(samples_, random_stream(seed_, Purpose::surrogate_order, epoch));
      epoch_ = epoch;
    }
    return (*permutation_)(i % samples_);
  }

 private:
  std::uint64_t samples_, seed_, epoch_ = 0;
  std::optional<IndexPermutation> permutation_;
};

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

// What one lane computes: the sum of squares of its tiles, and the gradient of the batch's mean.
struct Lane {
  std::vector<Tensor<float>> gradient;
  double squares = 0;
};

}  // namespace

TrainingReport train(const Trainee& trainee, std::uint64_t samples, const TrainingRows& source,
                     const TrainingOptions& o,
                     const std::function<void(const TrainingReport&)>& after) {
  check(o, samples);
  const std::size_t batch =
      static_cast<std::size_t>(std::min<std::uint64_t>(o.batch_size, samples));
  const std::size_t tiles = (batch + o.tile_rows - 1) / o.tile_rows;
  const std::size_t lanes = std::min(tiles, max_lanes), d = trainee.outputs;
  const auto& parameters = trainee.parameters;
  const std::size_t count = parameters.size();
  const float scale = 1.0f / static_cast<float>(batch * d);

  std::vector<Lane> lane(lanes);
  std::vector<Tensor<float>> first, second;
  for (const auto& p : parameters) {
    first.push_back(Tensor<float>::zeros(p.shape()));
    second.push_back(Tensor<float>::zeros(p.shape()));
  }
  std::vector<std::uint64_t> rows(batch);
  Order order(samples, o.seed);
  TrainingReport report;
  report.total_steps = (o.total_samples + batch - 1) / batch;
  const WarmupCosine rate{o.learning_rate, o.final_learning_rate, 0, report.total_steps};
  const SingleThreadedBlas guard;

  const auto tile = [&](std::size_t t, Lane& to, bool begins) {
    const std::size_t begin = t * o.tile_rows, n = std::min(o.tile_rows, batch - begin);
    Tensor<float> x(Shape{n, trainee.inputs}), y(Shape{n, d});
    source(&rows[begin], n, x.data(), y.data());
    const Var<float> error = trainee.network(Var<float>(std::move(x))) - Var<float>(std::move(y));
    const Var<float> loss = sum(error * error) * scale;
    to.squares += static_cast<double>(loss.item()) / static_cast<double>(scale);
    std::vector<Var<float>> gradients = gradient(loss, parameters);
    for (std::size_t p = 0; p < count; ++p) {
      if (begins)
        to.gradient.push_back(std::move(gradients[p].mutable_value()));
      else
        axpy(1.0f, gradients[p].value(), to.gradient[p]);
    }
  };

  while (report.step < report.total_steps) {
    for (std::size_t i = 0; i < batch; ++i) rows[i] = order(report.samples + i);
    parallel_for(lanes, [&](std::size_t l) {
      lane[l].gradient.clear();
      lane[l].squares = 0;
      const std::size_t begin = l * tiles / lanes, end = (l + 1) * tiles / lanes;
      for (std::size_t t = begin; t < end; ++t) tile(t, lane[l], t == begin);
    });
    report.loss = 0;
    for (const Lane& l : lane) report.loss += l.squares;
    report.loss /= static_cast<double>(batch * d);
    if (!std::isfinite(report.loss))
      throw NumericalError(
          fmt::format("training: the loss is not finite at step {} (learning rate {:g}); a smaller "
                      "learning rate may help",
                      report.step + 1, rate(report.step)));
    const AdamOptions adam{.learning_rate = rate(report.step)};
    ++report.step;
    parallel_for(count, [&](std::size_t p) {
      for (std::size_t l = 1; l < lanes; ++l) axpy(1.0f, lane[l].gradient[p], lane[0].gradient[p]);
      Var<float> parameter = parameters[p];
      adam_update<float>(parameter.mutable_value().span(), lane[0].gradient[p].span(),
                         first[p].span(), second[p].span(), report.step, adam);
    });
    report.samples += batch;
    if (after) after(report);
  }
  return report;
}

}  // namespace papillon::inline surrogate
