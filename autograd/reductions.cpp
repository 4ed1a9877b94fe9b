#include <cmath>
#include <limits>

#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {
namespace {

// The shape of a reduction that keeps its axes.
std::vector<std::ptrdiff_t> kept_shape(const Shape& shape, const Axes& axes, const char* op) {
  std::vector<std::ptrdiff_t> kept(shape.begin(), shape.end());
  if (axes.empty()) kept.assign(shape.size(), 1);
  for (const std::ptrdiff_t axis : axes) kept[normalise_axis(axis, shape.size(), op)] = 1;
  return kept;
}

// The adjoint of a sum: each element of g repeated over those that were summed into it.
template <class T>
Var<T> spread(const Var<T>& g, const Shape& shape, const Axes& axes) {
  return broadcast_to(reshape(g, kept_shape(shape, axes, "sum")), shape);
}

// max x where it is finite, else 0: what can be subtracted in an exponent without making inf - inf.
template <class T>
Tensor<T> finite_max(const Tensor<T>& x, std::ptrdiff_t axis) {
  Tensor<T> m = max(x, {axis}, true);
  for (T& v : m)
    if (!std::isfinite(v)) v = 0;
  return m;
}

// exp(x) / Σ exp(x), and where x is infinite the limit: all of a single +inf, nothing for -inf,
// also where all are -inf; with several +inf there is no limit (NaN).
template <class T>
Tensor<T> softmax_of(const Tensor<T>& x, std::ptrdiff_t axis) {
  const Tensor<T> m = max(x, {axis}, true);
  Tensor<T> value = sub(x, m);
  const bool ordinary = all_finite(m);
  for (std::size_t i = 0; !ordinary && i < x.size(); ++i)  // inf - inf
    if (std::isinf(x[i]) && std::isnan(value[i])) value[i] = x[i] > 0 ? T(0) : x[i];
  value = exp(value);
  Tensor<T> total = sum(value, {axis}, true);
  for (T& v : total)
    if (v == 0) v = 1;
  value = div(value, total);
  for (std::size_t i = 0; !ordinary && i < x.size(); ++i)
    if (std::isinf(x[i]) && x[i] > 0 && value[i] != 1)
      value[i] = std::numeric_limits<T>::quiet_NaN();
  return value;
}

}  // namespace

template <class T>
Var<T> sum(const Var<T>& x, const Axes& axes, bool keep_axes) {
  return make_op<T>(
      "sum", sum(x.value(), axes, keep_axes), {x},
      [axes](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{spread(g, self.inputs[0].shape(), axes)};
      },
      [axes, keep_axes](const Node<T>&, std::span<const Var<T>> t) {
        return sum(t[0], axes, keep_axes);
      });
}

template <class T>
Var<T> mean(const Var<T>& x, const Axes& axes, bool keep_axes) {
  // The sum, divided by the number of elements that go into each mean.
  return make_op<T>(
      "mean", mean(x.value(), axes, keep_axes), {x},
      [axes](const Node<T>& self, const Var<T>& g) {
        const Tensor<T>& v = self.inputs[0].value();
        const T share = static_cast<T>(self.value.size()) / static_cast<T>(v.size());
        return std::vector<Var<T>>{spread(g * share, v.shape(), axes)};
      },
      [axes, keep_axes](const Node<T>&, std::span<const Var<T>> t) {
        return mean(t[0], axes, keep_axes);
      });
}

template <class T>
Var<T> log_sum_exp(const Var<T>& x, std::ptrdiff_t axis, bool keep_axes) {
  // dy = Σ softmax(x) dx
  const Tensor<T> m = finite_max(x.value(), axis);
  Tensor<T> value = add(log(sum(exp(sub(x.value(), m)), {axis}, true)), m);
  if (!keep_axes) value = sum(value, {axis}, false);
  return make_op<T>(
      "log_sum_exp", std::move(value), {x},
      [axis](const Node<T>& self, const Var<T>& g) {
        const Var<T>& v = self.inputs[0];
        const Var<T> kept = reshape(g, kept_shape(v.shape(), {axis}, "log_sum_exp"));
        return std::vector<Var<T>>{kept * softmax(v, axis)};
      },
      [axis, keep_axes](const Node<T>& self, std::span<const Var<T>> t) {
        return sum(softmax(self.inputs[0], axis) * t[0], {axis}, keep_axes);
      });
}

template <class T>
Var<T> softmax(const Var<T>& x, std::ptrdiff_t axis) {
  // dy = y (dx - Σ y dx); the Jacobian is symmetric
  const auto apply = [axis](const Node<T>& self, const Var<T>& v) {
    const Var<T> y = self.output();
    return y * (v - sum(y * v, {axis}, true));
  };
  return make_op<T>(
      "softmax", softmax_of(x.value(), axis), {x},
      [apply](const Node<T>& self, const Var<T>& g) { return std::vector<Var<T>>{apply(self, g)}; },
      [apply](const Node<T>& self, std::span<const Var<T>> t) { return apply(self, t[0]); });
}

#define PAPILLON_INSTANTIATE(T)                                     \
  template Var<T> sum(const Var<T>&, const Axes&, bool);            \
  template Var<T> mean(const Var<T>&, const Axes&, bool);           \
  template Var<T> log_sum_exp(const Var<T>&, std::ptrdiff_t, bool); \
  template Var<T> softmax(const Var<T>&, std::ptrdiff_t);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
