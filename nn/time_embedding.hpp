// Sinusoidal embedding of integer timesteps (Vaswani et al. 2017, section 3.5).
#pragma once

#include <vector>

#include "papillon/nn/module.hpp"

namespace papillon {

// Steps of the diffusion process, 0 (clean) ... T (noise): one for each row of a batch, or those
// that a sampler visits.
using Timesteps = std::vector<int>;

// Writes sin(t f_k) for k = 0 ... width/2 - 1, then cos(t f_k), with
// f_k = exp(-k ln(10000) / (width/2 - 1)). The phase t f_k is formed in double: with f_k rounded to
// float it would be off by up to 1e-4 at t = 1000.
template <class T>
void embed_timestep(int t, std::size_t width, T* out);

template <class T>
struct TimeEmbedding {
  using value_type = T;

  TimeEmbedding() = default;
  // Throws ArgumentError unless width is even and at least 4.
  explicit TimeEmbedding(std::size_t width);

  // [N] timesteps -> [N, width], a constant
  Tensor<T> operator()(const Timesteps& t) const;

  Tensor<T> frequencies;  // [width / 2]; kept in checkpoints, not trained

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("frequencies", self.frequencies);
  }
};

extern template struct TimeEmbedding<float>;
extern template struct TimeEmbedding<double>;

}  // namespace papillon
