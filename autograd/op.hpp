// How an op is defined: its value and its two derivatives, together in one function.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "papillon/autograd/ops.hpp"

namespace papillon {

// An op's node, with its derivatives as members: one allocation.
template <class T, class Vjp, class Jvp>
class OpNode final : public Node<T> {
 public:
  // name: a string literal; vjp(node, gradient) and jvp(node, tangents) as Node's.
  OpNode(const char* name, Tensor<T> v, std::vector<Var<T>> in, Vjp vjp, Jvp jvp)
      : Node<T>(std::move(v), true), name_(name), vjp_(std::move(vjp)), jvp_(std::move(jvp)) {
    this->inputs = std::move(in);
  }
  std::vector<Var<T>> vjp(const Var<T>& gradient) const override { return vjp_(*this, gradient); }
  Var<T> jvp(std::span<const Var<T>> tangents) const override { return jvp_(*this, tangents); }
  const char* op() const override { return name_; }

 private:
  const char* name_;  // a string literal
  Vjp vjp_;
  Jvp jvp_;
};

// The result of an op, linked to its inputs if one of them requires grad and NoGrad is not on.
//   vjp(const Node<T>& self, const Var<T>& g) -> std::vector<Var<T>>: a gradient for each input
//     (undefined where needs(self, i) is false). It may have the shape of the output where the
//     input was broadcast: gradient() sums it.
//   jvp(const Node<T>& self, std::span<const Var<T>> t) -> Var<T>: the output's tangent from those
//     of the inputs (undefined: zero). jvp() broadcasts it to the output's shape.
// Both are written with ops on Var, so that they can be differentiated again, and take the output
// and the inputs from self: a capture of the output would be a cycle, and never be freed.
template <class T, class Vjp, class Jvp>
Var<T> make_op(const char* name, Tensor<T> value, std::vector<Var<T>> inputs, Vjp vjp, Jvp jvp) {
  using Op = OpNode<T, Vjp, Jvp>;
  const bool recorded = grad_enabled() && std::any_of(inputs.begin(), inputs.end(),
                                                      [](auto& in) { return in.requires_grad(); });
  if (!recorded) return Var<T>(std::move(value));
  return Var<T>(std::allocate_shared<Op>(RecyclingAllocator<Op>(), name, std::move(value),
                                         std::move(inputs), std::move(vjp), std::move(jvp)));
}

// An op on each element by itself: the Jacobian is diagonal, and both derivatives multiply with
// derivative(const Node<T>& self) -> Var<T>.
template <class T, class Derivative>
Var<T> make_elementwise_op(const char* name, Tensor<T> value, const Var<T>& x,
                           Derivative derivative) {
  return make_op<T>(
      name, std::move(value), {x},
      [derivative](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{g * derivative(self)};
      },
      [derivative](const Node<T>& self, std::span<const Var<T>> t) {
        return t[0] * derivative(self);
      });
}

// A derivative that is a constant by cases, made NaN where the op's value is.
template <class T>
Tensor<T> nan_where_nan(Tensor<T> derivative, const Tensor<T>& value) {
  for (std::size_t i = 0; i < value.size(); ++i)
    if (value[i] != value[i]) derivative[i] = value[i];
  return derivative;
}

// x + zero, but NaN where the op's value is: outside an op's domain, no derivative may look like a
// number. zero = -0 changes no x; +0 turns -0 into 0, for ops that end there (log). Where all
// values are finite, x itself.
template <class T>
Var<T> within_domain(const Var<T>& x, const Tensor<T>& value, T zero) {
  if (all_finite(value)) return x;
  return x + Var<T>(nan_where_nan(Tensor<T>::full(value.shape(), zero), value));
}

// Whether the gradient of input i is needed.
template <class T>
bool needs(const Node<T>& self, std::size_t i) {
  return self.inputs[i].requires_grad();
}

// a + b, where undefined means zero.
template <class T>
Var<T> sum_of_defined(const Var<T>& a, const Var<T>& b) {
  return a && b ? a + b : a ? a : b;
}

}  // namespace papillon
