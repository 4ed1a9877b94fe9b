#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {

template <class T>
Var<T> layer_norm(const Var<T>& x, std::type_identity_t<T> eps) {
  // y = (x - mean x) r with r = (var x + eps)^(-1/2), all over the last axis:
  // dy = r (dx - mean dx - y mean(y dx)); the Jacobian is symmetric.
  if (x.value().rank() == 0 || x.shape().back() == 0)
    throw ShapeError("layer_norm: shape " + to_string(x.shape()) +
                     " has no last axis to normalise");
  const Axes last = {-1};
  const Tensor<T> centred = sub(x.value(), mean(x.value(), last, true));
  Tensor<T> r = mean(mul(centred, centred), last, true);
  r = pow_scalar(add_scalar(r, eps), T(-0.5));
  Tensor<T> y = mul(centred, r);
  const auto apply = [eps, last, kept = Var<T>(std::move(r))](const Node<T>& self,
                                                              const Var<T>& v) {
    Var<T> scale = kept;
    if (grad_enabled()) {  // r as a function of x, since it is to be differentiated
      const Var<T> c = self.inputs[0] - mean(self.inputs[0], last, true);
      scale = pow(mean(c * c, last, true) + eps, T(-0.5));
    }
    const Var<T> out = self.output();
    return (v - mean(v, last, true) - out * mean(out * v, last, true)) * scale;
  };
  return make_op<T>(
      "layer_norm", std::move(y), {x},
      [apply](const Node<T>& self, const Var<T>& g) { return std::vector<Var<T>>{apply(self, g)}; },
      [apply](const Node<T>& self, std::span<const Var<T>> t) { return apply(self, t[0]); });
}

template Var<float> layer_norm<float>(const Var<float>&, float);
template Var<double> layer_norm<double>(const Var<double>&, double);

}  // namespace papillon
