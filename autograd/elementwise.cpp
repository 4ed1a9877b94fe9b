#include "papillon/tensor/elementwise.hpp"

#include <numbers>

#include "papillon/autograd/op.hpp"

namespace papillon {

template <class T>
Var<T> exp(const Var<T>& x) {  // dy/dx = y
  return make_elementwise_op("exp", exp(x.value()), x,
                             [](const Node<T>& self) { return self.output(); });
}

template <class T>
Var<T> log(const Var<T>& x) {  // dy/dx = 1 / x
  return make_elementwise_op("log", log(x.value()), x, [](const Node<T>& self) {
    return T(1) / within_domain(self.inputs[0], self.value, T(0));
  });
}

template <class T>
Var<T> sqrt(const Var<T>& x) {  // dy/dx = 1 / (2 y), with + 0 so that y = -0 is 0
  return make_elementwise_op("sqrt", sqrt(x.value()), x,
                             [](const Node<T>& self) { return T(0.5) / (self.output() + T(0)); });
}

template <class T>
Var<T> sin(const Var<T>& x) {  // dy/dx = cos x
  return make_elementwise_op("sin", sin(x.value()), x,
                             [](const Node<T>& self) { return cos(self.inputs[0]); });
}

template <class T>
Var<T> cos(const Var<T>& x) {  // dy/dx = -sin x
  return make_elementwise_op("cos", cos(x.value()), x,
                             [](const Node<T>& self) { return -sin(self.inputs[0]); });
}

template <class T>
Var<T> tanh(const Var<T>& x) {  // dy/dx = 1 - y²
  return make_elementwise_op("tanh", tanh(x.value()), x, [](const Node<T>& self) {
    const Var<T> y = self.output();
    return T(1) - y * y;
  });
}

template <class T>
Var<T> erf(const Var<T>& x) {  // dy/dx = 2/√π exp(-x²)
  return make_elementwise_op("erf", erf(x.value()), x, [](const Node<T>& self) {
    const Var<T>& v = self.inputs[0];
    return exp(-(v * v)) * (2 * std::numbers::inv_sqrtpi_v<T>);
  });
}

template <class T>
Var<T> abs(const Var<T>& x) {  // dy/dx = sign x, a constant
  return make_elementwise_op("abs", abs(x.value()), x, [](const Node<T>& self) {
    return Var<T>(sign(self.inputs[0].value()));
  });
}

template <class T>
Var<T> clip(const Var<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high) {
  // dy/dx = 1 for low <= x <= high, else 0, a constant
  return make_elementwise_op(
      "clip", clip(x.value(), low, high), x, [low, high](const Node<T>& self) {
        const Tensor<T>& v = self.inputs[0].value();
        return Var<T>(nan_where_nan(mul(greater_equal(v, Tensor<T>::scalar(low)),
                                        greater_equal(Tensor<T>::scalar(high), v)),
                                    self.value));
      });
}

#define PAPILLON_INSTANTIATE(T)        \
  template Var<T> exp(const Var<T>&);  \
  template Var<T> log(const Var<T>&);  \
  template Var<T> sqrt(const Var<T>&); \
  template Var<T> sin(const Var<T>&);  \
  template Var<T> cos(const Var<T>&);  \
  template Var<T> tanh(const Var<T>&); \
  template Var<T> erf(const Var<T>&);  \
  template Var<T> abs(const Var<T>&);  \
  template Var<T> clip<T>(const Var<T>&, T, T);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
