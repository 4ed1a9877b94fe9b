// Layer normalisation (Ba et al. 2016) over the last axis, with or without a learned affine map.
#pragma once

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/module.hpp"

namespace papillon {

template <class T>
struct LayerNorm {
  using value_type = T;

  LayerNorm() = default;  // without affine map
  // With one, over n values; starts as the identity.
  explicit LayerNorm(std::size_t n, T epsilon = T(1e-5))
      : eps(epsilon),
        weight(Var<T>::parameter(Tensor<T>::ones({n}))),
        bias(Var<T>::parameter(Tensor<T>::zeros({n}))) {}

  Var<T> operator()(const Var<T>& x) const {
    const Var<T> normalised = layer_norm(x, eps);
    return weight.defined() ? normalised * weight + bias : normalised;
  }

  T eps = T(1e-5);
  Var<T> weight, bias;  // undefined without affine map

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

}  // namespace papillon
