// What an optimizer is: options, the buffers that it keeps beside the parameters, and one rule of
// update. nn/sgd.hpp is the simplest; nn/adam.hpp is what the trainers use.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "papillon/nn/state_dict.hpp"

namespace papillon {

// Numbers that an optimizer keeps, one for each parameter; zero before the first update.
struct OptimizerBuffer {
  const char* name;
  double lowest;  // of any value that the rule can give; -infinity: any finite one
};

// Rule::buffers is an array of OptimizerBuffer; update(p, g, buffers, step) is update number `step`
// (1, 2, ...) of parameters p with gradients g. Each element depends on its own values alone, so
// that ranges may be split at will.
template <class Rule, class T>
concept OptimizerRule = requires(Rule rule, std::span<T> p, std::span<const T> g,
                                 std::span<const std::span<T>> b) {
  rule.learning_rate = 1e-3;
  OptimizerBuffer(Rule::buffers[0]);
  rule.template update<T>(p, g, b, std::uint64_t{1});
};

// Any optimizer on ranges of flat parameters, with the learning rate of the step.
struct FlatOptimizer {
  std::vector<OptimizerBuffer> buffers;
  std::function<void(std::span<float> p, std::span<const float> g,
                     std::span<const std::span<float>> buffers, std::uint64_t step, double rate)>
      update;

  template <OptimizerRule<float> Rule>
  FlatOptimizer(const Rule& rule)
      : buffers(Rule::buffers.begin(), Rule::buffers.end()),
        update([rule](auto p, auto g, auto state, std::uint64_t step, double rate) {
          Rule now = rule;
          now.learning_rate = rate;
          now.template update<float>(p, g, state, step);
        }) {}
};

namespace detail {
// Gradients and parameters must fit; throws ShapeError.
template <class T>
void check_gradients(const std::vector<Var<T>>& parameters, const std::vector<Var<T>>& gradients);
// "step" as two numbers of the parameters' precision, then "0.first_moment", ...
template <class T>
StateDict<T> optimizer_state(std::uint64_t step, std::span<const OptimizerBuffer> names,
                             const std::vector<std::vector<Tensor<T>>>& buffers);
// Returns the step; throws InputError, and changes nothing, unless all is there and possible.
template <class T>
std::uint64_t load_optimizer_state(const StateDict<T>& dict, std::uint64_t step,
                                   std::span<const OptimizerBuffer> names,
                                   std::vector<std::vector<Tensor<T>>>& buffers);
}  // namespace detail

// An optimizer of a list of parameters, which it changes in place.
template <class T, OptimizerRule<T> Rule>
class Optimizer {
 public:
  explicit Optimizer(std::vector<Var<T>> parameters, Rule rule = {})
      : options(rule), parameters_(std::move(parameters)), buffers_(Rule::buffers.size()) {
    for (auto& buffer : buffers_)
      for (const auto& p : parameters_) buffer.push_back(Tensor<T>::zeros(p.shape()));
  }

  // gradients: one for each parameter, of its shape. Throws ShapeError.
  void step(const std::vector<Var<T>>& gradients) {
    detail::check_gradients(parameters_, gradients);
    ++step_;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      std::vector<std::span<T>> state;
      for (auto& buffer : buffers_) state.push_back(buffer[i].span());
      options.template update<T>(parameters_[i].mutable_value().span(), gradients[i].value().span(),
                                 state, step_);
    }
  }

  Rule options;  // may be changed between steps (a learning-rate schedule)

  std::uint64_t steps_done() const { return step_; }
  // The buffers and the number of steps, for a checkpoint: "step", shape [2], is the number rounded
  // to T and what that leaves, exact up to 2^48 steps in either precision.
  StateDict<T> state() const { return detail::optimizer_state<T>(step_, Rule::buffers, buffers_); }
  // Throws InputError, and changes nothing, unless all is there and possible: a whole number of
  // steps, finite values in the range of their buffer.
  void load_state(const StateDict<T>& state) {
    step_ = detail::load_optimizer_state<T>(state, step_, Rule::buffers, buffers_);
  }

 private:
  std::vector<Var<T>> parameters_;
  std::vector<std::vector<Tensor<T>>> buffers_;  // [buffer][parameter]
  std::uint64_t step_ = 0;
};

}  // namespace papillon
