// Activations as values, so that an Mlp can be told which to use.
#pragma once

#include "papillon/autograd/ops.hpp"

namespace papillon {

enum class Activation { identity, relu, silu, gelu, tanh, sigmoid };

template <class T>
Var<T> activate(Activation kind, const Var<T>& x) {
  switch (kind) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::silu:
      return silu(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
  }
  throw ArgumentError("activate: unknown activation");
}

}  // namespace papillon
