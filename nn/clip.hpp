// Gradient clipping by the norm of all gradients together (Pascanu et al. 2013).
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon {

template <class T>
double sum_of_squares(std::span<const T> x) {
  double sum = 0;
  for (const T v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return sum;
}

// min(1, limit / norm)
inline double clip_factor(double norm, double limit) {
  return norm > limit ? limit / norm : 1;
}

// Scales the gradients by min(1, limit / norm); returns the norm before. Throws ArgumentError if
// limit is not positive.
template <class T>
double clip_by_global_norm(std::vector<Var<T>>& gradients, double limit) {
  if (!(limit > 0)) throw ArgumentError("clip_by_global_norm: the limit must be positive");
  double sum = 0;
  for (const auto& g : gradients) sum += sum_of_squares<T>(g.value().span());
  const double norm = std::sqrt(sum), factor = clip_factor(norm, limit);
  if (factor < 1)
    for (auto& g : gradients) {
      Tensor<T> scaled = g.value();
      for (T& x : scaled) x *= static_cast<T>(factor);
      g = Var<T>(std::move(scaled));
    }
  return norm;
}

}  // namespace papillon
