// y = x W^T + b.
#pragma once

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/initialisation.hpp"
#include "papillon/nn/module.hpp"

namespace papillon {

template <class T>
struct Linear {
  using value_type = T;

  Linear() = default;
  // Weights and biases uniform in +-1/sqrt(in): weights are the stream's first elements for the
  // layer of that number in its network, biases those that follow.
  Linear(std::size_t in, std::size_t out, RandomStream stream, std::uint64_t layer = 0)
      : weight(
            Var<T>::parameter(fan_in_uniform<T>({out, in}, in, stream, layer * elements_a_layer))),
        bias(Var<T>::parameter(
            fan_in_uniform<T>({out}, in, stream, layer * elements_a_layer + out * in))) {}

  // x [N, in] -> [N, out]
  Var<T> operator()(const Var<T>& x) const {
    return matmul(x, weight, Transpose::no, Transpose::yes) + bias;
  }

  Var<T> weight;  // [out, in]
  Var<T> bias;    // [out]

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

}  // namespace papillon
