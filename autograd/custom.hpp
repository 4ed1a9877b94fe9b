// Your own op, without a class: a value on tensors, and its two derivatives.
//
//   Var<double> y = custom_op("cube", {x},
//       [](const Tensor<double>& v) { return mul(v, mul(v, v)); },
//       [](const Node<double>& self, const Var<double>& g) {
//         const Var<double>& v = self.inputs[0];
//         return std::vector<Var<double>>{g * v * v * 3};
//       },
//       [](const Node<double>& self, std::span<const Var<double>> t) {
//         const Var<double>& v = self.inputs[0];
//         return t[0] * v * v * 3;
//       });
//
// What the derivatives may do is said at make_op (op.hpp); check them with gradcheck.
#pragma once

#include <cstddef>
#include <utility>

#include "papillon/autograd/op.hpp"

namespace papillon {

// forward takes the values of the inputs, one argument each. name is a string literal.
template <class T, std::size_t N, class Forward, class Vjp, class Jvp>
Var<T> custom_op(const char* name, const Var<T> (&inputs)[N], Forward forward, Vjp vjp, Jvp jvp) {
  Tensor<T> value = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return forward(inputs[I].value()...);
  }
  (std::make_index_sequence<N>());
  return make_op<T>(name, std::move(value), {inputs, inputs + N}, std::move(vjp), std::move(jvp));
}

}  // namespace papillon
