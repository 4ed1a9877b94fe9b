// Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/autograd/var.hpp"
#include "papillon/nn/state_dict.hpp"

namespace papillon {

struct AdamOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // decoupled: parameters shrink by learning_rate * weight_decay
};

// Update number `step` (1, 2, ...) of parameters p with gradients g; m and v are the moments, zero
// before the first. Each element depends on its own values only, so ranges may be split at will.
// Throws ShapeError (sizes differ), ArgumentError (step 0).
template <class T>
void adam_update(std::span<T> p, std::span<const T> g, std::span<T> m, std::span<T> v,
                 std::uint64_t step, const AdamOptions& options);

template <class T>
class Adam {
 public:
  explicit Adam(std::vector<Var<T>> parameters, AdamOptions options = {});
  // gradients: one for each parameter, of its shape.
  void step(const std::vector<Var<T>>& gradients);

  AdamOptions options;  // may be changed between steps (a learning-rate schedule)

  std::uint64_t steps_done() const { return step_; }
  // The moments and the number of steps, for a checkpoint: "step", shape [2], is the number rounded
  // to T and what that leaves, exact up to 2^48 steps in either precision.
  StateDict<T> state() const;
  // Throws InputError, and changes nothing, unless all is there and possible: a whole number of
  // steps, finite moments, second moments of at least 0.
  void load_state(const StateDict<T>& state);

 private:
  std::vector<Var<T>> parameters_;
  std::vector<Tensor<T>> first_, second_;
  std::uint64_t step_ = 0;
};

extern template class Adam<float>;
extern template class Adam<double>;

}  // namespace papillon
