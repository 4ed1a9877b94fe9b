#include "papillon/nn/training_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "papillon/nn/clip.hpp"
#include "papillon/nn/ema.hpp"
#include "papillon/nn/internal/stored_state.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

constexpr std::size_t update_chunk = 1 << 15;  // parameters that one task updates
constexpr std::size_t most_buffers = 8;

}  // namespace

TrainingLoop::TrainingLoop(Tensor<float> parameters, LoopOptions options)
    : options_(std::move(options)),
      names_(options_.optimizer.buffers),
      gradient_(Tensor<float>::zeros(parameters.shape())),
      squares_((parameters.size() + update_chunk - 1) / update_chunk) {
  constexpr double any = -std::numeric_limits<double>::infinity();
  if (names_.size() > most_buffers)
    throw ArgumentError(fmt::format("training: the optimizer has {} buffers; must be at most {}",
                                    names_.size(), most_buffers));
  tensors_.assign(names_.size() + 1, gradient_);
  names_.insert(names_.begin(), {"parameters", any});
  tensors_.front() = std::move(parameters);
  if (!options_.ema_decay) return;
  names_.push_back({"average", any});
  tensors_.push_back(tensors_.front());
}

double TrainingLoop::clip_factor(double& norm) {
  if (options_.clip_norm <= 0) return 1;
  parallel_for(squares_.size(), [&](std::size_t c) {
    const std::size_t first = c * update_chunk;
    squares_[c] = sum_of_squares<float>(
        gradient_.span().subspan(first, std::min(update_chunk, gradient_.size() - first)));
  });
  double total = 0;
  for (const double part : squares_) total += part;
  norm = std::sqrt(total);
  return papillon::clip_factor(norm, options_.clip_norm);
}

StepReport TrainingLoop::step(const BatchLoss& loss, double learning_rate) {
  StepReport report;
  report.learning_rate = learning_rate;
  report.loss = loss(step_, parameters().span(), gradient_.span());
  if (!std::isfinite(report.loss))
    throw NumericalError(fmt::format(
        "training: the loss is not finite at step {} (learning rate {:g}; a lower learning rate or "
        "clipping may help)",
        step_ + 1, learning_rate));
  const float factor = static_cast<float>(clip_factor(report.gradient_norm));
  const double decay = options_.ema_decay ? ema_decay(step_, *options_.ema_decay) : 0;
  const std::size_t buffers = options_.optimizer.buffers.size(), size = gradient_.size();
  parallel_for(squares_.size(), [&](std::size_t c) {
    const std::size_t first = c * update_chunk, n = std::min(update_chunk, size - first);
    const auto part = [&](Tensor<float>& t) { return t.span().subspan(first, n); };
    if (factor < 1)
      for (float& g : part(gradient_)) g *= factor;
    std::array<std::span<float>, most_buffers> state;
    for (std::size_t b = 0; b < buffers; ++b) state[b] = part(tensors_[b + 1]);
    const auto parameters = part(tensors_.front());
    options_.optimizer.update(parameters, part(gradient_), std::span(state).first(buffers),
                              step_ + 1, learning_rate);
    if (options_.ema_decay) ema_update<float>(part(tensors_.back()), parameters, decay);
  });
  report.step = ++step_;
  return report;
}

void TrainingLoop::save(SafetensorsFile& file) const {
  for (std::size_t i = 0; i < tensors_.size(); ++i) file.add(names_[i].name, tensors_[i]);
}

void TrainingLoop::load(const SafetensorsFile& file, std::uint64_t step) {
  const auto fail = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", file.source, what));
  };
  std::vector<Tensor<float>> tensors;
  for (const OptimizerBuffer& item : names_) {
    if (!file.contains(item.name)) fail(fmt::format("tensor '{}' is missing", item.name));
    const Tensor<float>& tensor = tensors.emplace_back(file.tensor<float>(item.name));
    if (tensor.shape() != gradient_.shape())
      fail(fmt::format("tensor '{}' has shape {}; must have {}", item.name,
                       to_string(tensor.shape()), to_string(gradient_.shape())));
    try {
      check_values(item.name, tensor, item.lowest);
    } catch (const InputError& refused) {
      fail(refused.what());
    }
  }
  tensors_ = std::move(tensors);
  step_ = step;
}

}  // namespace papillon
