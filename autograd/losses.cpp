#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {
namespace {

template <class T>
Tensor<T> difference(const Var<T>& p, const Var<T>& q, const char* op) {
  if (p.shape() != q.shape())
    throw_shape_error(op, p.shape(), q.shape(), "prediction and target must have one shape");
  if (p.value().empty()) throw ShapeError(std::string(op) + ": no elements to take the mean of");
  return sub(p.value(), q.value());
}

// The mean of f(d) with d = prediction - target: dy = mean(f'(d) (dp - dq)).
template <class T, class Derivative>
Var<T> make_mean_loss(const char* name, const Tensor<T>& each, const Var<T>& p, const Var<T>& q,
                      Derivative derivative) {
  return make_op<T>(
      name, mean(each), {p, q},
      [derivative](const Node<T>& self, const Var<T>& g) {
        const T share = T(1) / static_cast<T>(self.inputs[0].value().size());
        const Var<T> of_p = derivative(self.inputs[0], self.inputs[1]) * (g * share);
        return std::vector<Var<T>>{of_p, needs(self, 1) ? -of_p : Var<T>()};
      },
      [derivative](const Node<T>& self, std::span<const Var<T>> t) {
        const Var<T> moved = sum_of_defined(t[0], t[1] ? -t[1] : Var<T>());
        return mean(derivative(self.inputs[0], self.inputs[1]) * moved);
      });
}

}  // namespace

template <class T>
Var<T> mse_loss(const Var<T>& prediction, const Var<T>& target) {  // f = d², f' = 2 d
  const Tensor<T> d = difference(prediction, target, "mse_loss");
  return make_mean_loss("mse_loss", mul(d, d), prediction, target,
                        [](const Var<T>& p, const Var<T>& q) { return (p - q) * T(2); });
}

template <class T>
Var<T> mae_loss(const Var<T>& prediction, const Var<T>& target) {  // f = |d|, f' = sign d
  const Tensor<T> d = difference(prediction, target, "mae_loss");
  return make_mean_loss(
      "mae_loss", abs(d), prediction, target,
      [](const Var<T>& p, const Var<T>& q) { return Var<T>(sign(sub(p.value(), q.value()))); });
}

#define PAPILLON_INSTANTIATE(T)                           \
  template Var<T> mse_loss(const Var<T>&, const Var<T>&); \
  template Var<T> mae_loss(const Var<T>&, const Var<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
