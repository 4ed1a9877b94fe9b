#include <numbers>

#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {

template <class T>
Var<T> sigmoid(const Var<T>& x) {  // dy/dx = y (1 - y)
  return make_elementwise_op("sigmoid", sigmoid(x.value()), x, [](const Node<T>& self) {
    const Var<T> y = self.output();
    return y * (T(1) - y);
  });
}

template <class T>
Var<T> relu(const Var<T>& x) {  // dy/dx = 1 where x > 0, else 0, a constant
  return make_elementwise_op("relu", relu(x.value()), x,
                             [](const Node<T>& self) { return Var<T>(sign(self.value)); });
}

template <class T>
Var<T> silu(const Var<T>& x) {  // y = x s(x): dy/dx = s + y (1 - s), with s the sigmoid of x
  // At -inf the 0 of s wins, as it does just before.
  return make_elementwise_op("silu", absorbing_mul(x.value(), sigmoid(x.value())), x,
                             [](const Node<T>& self) {
                               const Var<T> s = sigmoid(self.inputs[0]);
                               return s + self.output() * (T(1) - s);
                             });
}

template <class T>
Var<T> gelu(const Var<T>& x) {  // y = x Φ(x): dy/dx = Φ(x) + x φ(x), Φ(x) = (1 + erf(x/√2)) / 2
  constexpr T inv_sqrt2 = 1 / std::numbers::sqrt2_v<T>;
  Tensor<T> phi = mul_scalar(add_scalar(erf(mul_scalar(x.value(), inv_sqrt2)), T(1)), T(0.5));
  return make_elementwise_op("gelu", absorbing_mul(x.value(), phi), x, [](const Node<T>& self) {
    constexpr T inv_sqrt_2pi = inv_sqrt2 * std::numbers::inv_sqrtpi_v<T>;
    const Var<T>& v = self.inputs[0];
    const Var<T> cumulative = (erf(v * inv_sqrt2) + T(1)) * T(0.5);
    return cumulative + v * exp(v * v * T(-0.5)) * inv_sqrt_2pi;
  });
}

#define PAPILLON_INSTANTIATE(T)           \
  template Var<T> sigmoid(const Var<T>&); \
  template Var<T> relu(const Var<T>&);    \
  template Var<T> silu(const Var<T>&);    \
  template Var<T> gelu(const Var<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
