// One residual block of the paper's network: LayerNorm, FiLM, a branch of two linear layers with
// ReLU, scaled by gamma and added to the input.
#pragma once

#include "papillon/nn/film.hpp"
#include "papillon/nn/layer_norm.hpp"

namespace papillon {

template <class T>
struct ResidualBlock {
  using value_type = T;

  // The two linear layers, named as in the reference implementation, where index 1 is the ReLU.
  struct Branch {
    using value_type = T;
    Linear<T> first, second;
    Var<T> operator()(const Var<T>& x) const { return second(relu(first(x))); }
    template <class Self, class Visit>
    static void members(Self& self, Visit&& visit) {
      visit("0", self.first);
      visit("2", self.second);
    }
  };

  ResidualBlock() = default;
  // Its linear layers are the network's layers first_layer, first_layer + 1 and first_layer + 2.
  ResidualBlock(std::size_t width, std::size_t condition, RandomStream stream,
                std::uint64_t first_layer = 0)
      : film(width, condition, stream, first_layer),
        branch{{width, width, stream, first_layer + 1}, {width, width, stream, first_layer + 2}},
        gamma(Var<T>::parameter(Tensor<T>::full({width}, T(1e-6)))) {}

  // x [N, width], condition [N, c] -> [N, width]
  Var<T> operator()(const Var<T>& x, const Var<T>& condition) const {
    return x + branch(film(norm(x), condition)) * gamma;
  }

  LayerNorm<T> norm;
  Film<T> film;
  Branch branch;
  Var<T> gamma;  // [width]

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("film", self.film);
    visit("branch", self.branch);
    visit("gamma", self.gamma);
  }
};

}  // namespace papillon
