// Gradient clipping by the norm of all gradients together (Pascanu et al. 2013).
#pragma once

#include <cmath>
#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon {

// Scales the gradients by min(1, limit / norm); returns the norm before. Throws ArgumentError if
// limit is not positive.
template <class T>
double clip_by_global_norm(std::vector<Var<T>>& gradients, double limit) {
  if (!(limit > 0)) throw ArgumentError("clip_by_global_norm: the limit must be positive");
  double sum = 0;
  for (const auto& g : gradients)
    for (const T x : g.value()) sum += static_cast<double>(x) * static_cast<double>(x);
  const double norm = std::sqrt(sum);
  if (norm > limit)
    for (auto& g : gradients) {
      Tensor<T> scaled = g.value();
      for (T& x : scaled) x *= static_cast<T>(limit / norm);
      g = Var<T>(std::move(scaled));
    }
  return norm;
}

}  // namespace papillon
