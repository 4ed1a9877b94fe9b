// Stochastic gradient descent with momentum: the optimizer to read first.
#pragma once

#include <array>
#include <limits>

#include "papillon/nn/optimizer.hpp"

namespace papillon {

// v <- momentum v + g, then p <- p - learning_rate v: Sutskever et al. (2013), eqs. 1 and 2, in the
// form of PyTorch's SGD, where the learning rate multiplies the velocity. momentum 0: plain SGD.
struct SgdOptions {
  double learning_rate = 1e-2;
  double momentum = 0.9;

  static constexpr std::array<OptimizerBuffer, 1> buffers = {
      {{"velocity", -std::numeric_limits<double>::infinity()}}};

  template <class T>
  void update(std::span<T> p, std::span<const T> g, std::span<const std::span<T>> state,
              std::uint64_t) const {
    const T rate = static_cast<T>(learning_rate), keep = static_cast<T>(momentum);
    T* v = state[0].data();
    for (std::size_t i = 0; i < p.size(); ++i) {
      v[i] = keep * v[i] + g[i];
      p[i] -= rate * v[i];
    }
  }
};

template <class T>
using Sgd = Optimizer<T, SgdOptions>;

}  // namespace papillon
