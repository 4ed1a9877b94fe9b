// Sinusoidal embedding of integer timesteps (Vaswani et al. 2017, section 3.5).
#pragma once

#include <cstdint>
#include <vector>

#include "papillon/nn/module.hpp"

namespace papillon {

// sin(t f_k) for k = 0 ... width/2 - 1, then cos(t f_k), with
// f_k = exp(-k ln(10000) / (width/2 - 1)).
template <class T>
struct TimeEmbedding {
  using value_type = T;

  TimeEmbedding() = default;
  // Throws ArgumentError unless width is even and at least 4.
  explicit TimeEmbedding(std::size_t width);

  // [N] timesteps -> [N, width], a constant
  Tensor<T> operator()(const std::vector<std::int64_t>& t) const;

  Tensor<T> frequencies;  // [width / 2]; kept in checkpoints, not trained

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("frequencies", self.frequencies);
  }
};

extern template struct TimeEmbedding<float>;
extern template struct TimeEmbedding<double>;

}  // namespace papillon
