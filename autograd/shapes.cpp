// Ops that move elements. All are linear: the jvp is the op itself, the vjp its adjoint.
#include <numeric>

#include "papillon/autograd/op.hpp"
#include "papillon/tensor/manipulate.hpp"

namespace papillon {

template <class T>
Var<T> reshape(const Var<T>& x, const std::vector<std::ptrdiff_t>& shape) {
  return make_op<T>(
      "reshape", x.value().reshaped(shape), {x},
      [](const Node<T>& self, const Var<T>& g) {
        const Shape& s = self.inputs[0].shape();
        return std::vector<Var<T>>{reshape(g, std::vector<std::ptrdiff_t>(s.begin(), s.end()))};
      },
      [shape](const Node<T>&, std::span<const Var<T>> t) { return reshape(t[0], shape); });
}

template <class T>
Var<T> transpose(const Var<T>& x, const std::vector<std::size_t>& axes) {
  // The adjoint is the inverse permutation; reversal ({}) is its own.
  return make_op<T>(
      "transpose", transpose(x.value(), axes), {x},
      [axes](const Node<T>&, const Var<T>& g) {
        std::vector<std::size_t> inverse(axes.size());
        for (std::size_t i = 0; i < axes.size(); ++i) inverse[axes[i]] = i;
        return std::vector<Var<T>>{transpose(g, inverse)};
      },
      [axes](const Node<T>&, std::span<const Var<T>> t) { return transpose(t[0], axes); });
}

template <class T>
Var<T> broadcast_to(const Var<T>& x, const Shape& shape) {
  // gradient() sums over what was broadcast and jvp() broadcasts, as for every op.
  return make_op<T>(
      "broadcast_to", broadcast_to(x.value(), shape), {x},
      [](const Node<T>&, const Var<T>& g) { return std::vector<Var<T>>{g}; },
      [](const Node<T>&, std::span<const Var<T>> t) { return t[0]; });
}

template <class T>
Var<T> sum_to(const Var<T>& x, const Shape& shape) {
  return make_op<T>(
      "sum_to", sum_to(x.value(), shape), {x},
      [](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{broadcast_to(g, self.inputs[0].shape())};
      },
      [shape](const Node<T>&, std::span<const Var<T>> t) { return sum_to(t[0], shape); });
}

template <class T>
Var<T> concatenate(const std::vector<Var<T>>& parts, std::ptrdiff_t axis) {
  // The adjoint splits the gradient.
  std::vector<Tensor<T>> values;
  for (const Var<T>& part : parts) values.push_back(part.value());
  return make_op<T>(
      "concatenate", concatenate(values, axis), parts,
      [axis](const Node<T>& self, const Var<T>& g) {
        std::vector<Var<T>> grads;
        std::size_t begin = 0;
        for (const Var<T>& part : self.inputs) {
          const std::size_t end = begin + part.value().extent(axis);
          grads.push_back(part.requires_grad() ? slice(g, axis, begin, end) : Var<T>());
          begin = end;
        }
        return grads;
      },
      [axis](const Node<T>& self, std::span<const Var<T>> t) {
        std::vector<Var<T>> moved(t.begin(), t.end());
        for (std::size_t i = 0; i < moved.size(); ++i)
          if (!moved[i]) moved[i] = Var<T>(Tensor<T>::zeros(self.inputs[i].shape()));
        return concatenate(moved, axis);
      });
}

namespace {

// The adjoint of slice: zeros of that shape, with x at begin along the axis.
template <class T>
Var<T> embed(const Var<T>& x, std::ptrdiff_t axis, std::size_t begin, const Shape& shape) {
  Tensor<T> value = Tensor<T>::zeros(shape);
  slice_add(value, axis, begin, x.value());
  return make_op<T>(
      "embed", std::move(value), {x},
      [axis, begin](const Node<T>& self, const Var<T>& g) {
        const std::size_t length = self.inputs[0].value().extent(axis);
        return std::vector<Var<T>>{slice(g, axis, begin, begin + length)};
      },
      [axis, begin](const Node<T>& self, std::span<const Var<T>> t) {
        return embed(t[0], axis, begin, self.value.shape());
      });
}

}  // namespace

template <class T>
Var<T> slice(const Var<T>& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end) {
  return make_op<T>(
      "slice", slice(x.value(), axis, begin, end), {x},
      [axis, begin](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{embed(g, axis, begin, self.inputs[0].shape())};
      },
      [axis, begin, end](const Node<T>&, std::span<const Var<T>> t) {
        return slice(t[0], axis, begin, end);
      });
}

template <class T>
Var<T> gather_rows(const Var<T>& x, const std::vector<std::int64_t>& indices) {
  return make_op<T>(
      "gather_rows", gather_rows(x.value(), std::span(indices)), {x},
      [indices](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{scatter_add_rows(g, indices, self.inputs[0].shape()[0])};
      },
      [indices](const Node<T>&, std::span<const Var<T>> t) { return gather_rows(t[0], indices); });
}

template <class T>
Var<T> scatter_add_rows(const Var<T>& x, const std::vector<std::int64_t>& indices,
                        std::size_t rows) {
  if (x.value().rank() == 0) throw ShapeError("scatter_add_rows: a scalar has no rows");
  Shape shape = x.shape();
  shape[0] = rows;
  Tensor<T> value = Tensor<T>::zeros(shape);
  scatter_add_rows(value, std::span(indices), x.value());
  return make_op<T>(
      "scatter_add_rows", std::move(value), {x},
      [indices](const Node<T>&, const Var<T>& g) {
        return std::vector<Var<T>>{gather_rows(g, indices)};
      },
      [indices, rows](const Node<T>&, std::span<const Var<T>> t) {
        return scatter_add_rows(t[0], indices, rows);
      });
}

#define PAPILLON_INSTANTIATE(T)                                                   \
  template Var<T> reshape(const Var<T>&, const std::vector<std::ptrdiff_t>&);     \
  template Var<T> transpose(const Var<T>&, const std::vector<std::size_t>&);      \
  template Var<T> broadcast_to(const Var<T>&, const Shape&);                      \
  template Var<T> sum_to(const Var<T>&, const Shape&);                            \
  template Var<T> concatenate(const std::vector<Var<T>>&, std::ptrdiff_t);        \
  template Var<T> slice(const Var<T>&, std::ptrdiff_t, std::size_t, std::size_t); \
  template Var<T> gather_rows(const Var<T>&, const std::vector<std::int64_t>&);   \
  template Var<T> scatter_add_rows(const Var<T>&, const std::vector<std::int64_t>&, std::size_t);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
