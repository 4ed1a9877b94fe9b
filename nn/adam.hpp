// Adam (Kingma and Ba 2015, algorithm 1); with weight_decay, AdamW (Loshchilov and Hutter 2019,
// algorithm 2).
#pragma once

#include <array>
#include <limits>

#include "papillon/nn/optimizer.hpp"

namespace papillon {

struct AdamOptions;

// Update number `step` (1, 2, ...) of parameters p with gradients g; m and v are the moments, zero
// before the first. Each element depends on its own values only, so ranges may be split at will.
// Throws ShapeError (sizes differ), ArgumentError (step 0).
template <class T>
void adam_update(std::span<T> p, std::span<const T> g, std::span<T> m, std::span<T> v,
                 std::uint64_t step, const AdamOptions& options);

struct AdamOptions {
  double learning_rate = 3e-4;
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // decoupled: parameters shrink by learning_rate * weight_decay

  static constexpr std::array<OptimizerBuffer, 2> buffers = {
      {{"first_moment", -std::numeric_limits<double>::infinity()}, {"second_moment", 0}}};

  template <class T>
  void update(std::span<T> p, std::span<const T> g, std::span<const std::span<T>> state,
              std::uint64_t step) const {
    adam_update<T>(p, g, state[0], state[1], step, *this);
  }
};

template <class T>
using Adam = Optimizer<T, AdamOptions>;

}  // namespace papillon
