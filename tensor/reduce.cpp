#include "papillon/tensor/reduce.hpp"

#include <algorithm>

namespace papillon {
namespace {

// The tensor seen as [outer, n, inner], where the middle axis is reduced.
struct Extents {
  std::size_t outer = 1, n = 1, inner = 1;
};

constexpr std::size_t leaf = 64;  // terms that are added one after the other

// Eight partial sums: enough to vectorise, and part of the pairwise scheme.
template <class T>
PAPILLON_INLINE T leaf_sum(const T* x, std::size_t n) {
  T part[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t k = 0; k < 8; ++k) part[k] += x[i + k];
  for (std::size_t k = 0; i < n; ++i, ++k) part[k] += x[i];
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

template <class T>
T pairwise_sum(const T* x, std::size_t n) {
  if (n <= leaf) return leaf_sum(x, n);
  const std::size_t half = n / 2 / 8 * 8;
  return pairwise_sum(x, half) + pairwise_sum(x + half, n - half);
}

template <class T>
PAPILLON_INLINE void add_rows(const T* x, std::size_t rows, std::size_t inner, T* out) {
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < inner; ++j) out[j] += x[i * inner + j];
}
PAPILLON_CLONES void add_rows_to(const float* x, std::size_t rows, std::size_t inner, float* out) {
  add_rows(x, rows, inner, out);
}
PAPILLON_CLONES void add_rows_to(const double* x, std::size_t rows, std::size_t inner,
                                 double* out) {
  add_rows(x, rows, inner, out);
}

// Sums rows pairwise into out, which is overwritten.
template <class T>
void pairwise_rows(const T* x, std::size_t rows, std::size_t inner, T* out) {
  std::fill_n(out, inner, T(0));
  if (rows <= leaf) return add_rows_to(x, rows, inner, out);
  const std::size_t half = rows / 2;
  pairwise_rows(x, half, inner, out);
  Tensor<T> rest(Shape{inner});
  pairwise_rows(x + half * inner, rows - half, inner, rest.data());
  add_rows_to(rest.data(), 1, inner, out);
}

template <class T>
void sum_middle(const T* x, const Extents& e, T* out) {
  for (std::size_t o = 0; o < e.outer; ++o, x += e.n * e.inner, out += e.inner) {
    if (e.inner == 1)
      *out = pairwise_sum(x, e.n);
    else
      pairwise_rows(x, e.n, e.inner, out);
  }
}

template <class T>
void max_middle(const T* x, const Extents& e, T* out) {
  for (std::size_t o = 0; o < e.outer; ++o, x += e.n * e.inner, out += e.inner)
    for (std::size_t j = 0; j < e.inner; ++j) {
      T best = x[j];
      for (std::size_t i = 1; i < e.n; ++i) {
        const T v = x[i * e.inner + j];
        if (v > best || v != v) best = v;  // NaN stays
        if (best != best) break;
      }
      out[j] = best;
    }
}

std::vector<bool> reduced_axes(const Axes& axes, std::size_t rank, const char* op) {
  std::vector<bool> reduced(rank, axes.empty());
  for (const std::ptrdiff_t axis : axes) {
    const std::size_t a = normalise_axis(axis, rank, op);
    if (reduced[a]) throw ShapeError(std::string(op) + ": axis " + std::to_string(axis) + " twice");
    reduced[a] = true;
  }
  return reduced;
}

// Reduces run by run of neighbouring axes, from the last to the first.
template <class T, class Kernel>
Tensor<T> reduce(const Tensor<T>& x, const std::vector<bool>& reduced, bool keep, Kernel kernel) {
  const Shape from = x.shape();
  Shape kept, full(from.size(), 1);
  for (std::size_t a = 0; a < from.size(); ++a)
    if (!reduced[a]) {
      kept.push_back(from[a]);
      full[a] = from[a];
    }
  Tensor<T> current;
  const T* source = x.data();
  std::size_t inner = 1;
  bool done = false;
  for (std::size_t end = from.size(); end > 0;) {
    if (!reduced[end - 1]) {
      inner *= from[--end];
      continue;
    }
    Extents e{1, 1, inner};
    while (end > 0 && reduced[end - 1]) e.n *= from[--end];
    for (std::size_t a = 0; a < end; ++a) e.outer *= from[a];
    Tensor<T> next(Shape{e.outer * inner});
    kernel(source, e, next.data());
    current = std::move(next);
    source = current.data();
    done = true;
  }
  if (!done) current = x;
  const Shape& shape = keep ? full : kept;
  return std::move(current).reshaped({shape.begin(), shape.end()});
}

}  // namespace

template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  return reduce(x, reduced_axes(axes, x.rank(), "sum"), keep_axes,
                [](const T* in, const Extents& e, T* out) { sum_middle(in, e, out); });
}

template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  Tensor<T> result = sum(x, axes, keep_axes);
  if (x.empty()) throw ShapeError("mean: shape " + to_string(x.shape()) + " has no elements");
  const T factor = static_cast<T>(result.size()) / static_cast<T>(x.size());
  for (T& v : result) v *= factor;
  return result;
}

template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  if (x.empty()) throw ShapeError("max: shape " + to_string(x.shape()) + " has no elements");
  return reduce(x, reduced_axes(axes, x.rank(), "max"), keep_axes,
                [](const T* in, const Extents& e, T* out) { max_middle(in, e, out); });
}

template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (broadcast_shapes(x.shape(), shape, "broadcast_to") != shape)
    throw_shape_error("broadcast_to", x.shape(), shape, "do not broadcast");
  Tensor<T> out(shape);
  if (out.empty()) return out;
  const std::size_t lead = shape.size() - x.rank();
  // Strides of x in the result's axes: 0 where it repeats.
  std::vector<std::size_t> stride(shape.size(), 0);
  for (std::size_t a = x.rank(), s = 1; a-- > 0; s *= x.shape()[a])
    if (x.shape()[a] != 1) stride[lead + a] = s;
  const std::size_t inner = shape.empty() ? 1 : shape.back();
  const std::size_t step = shape.empty() ? 0 : stride.back();
  std::vector<std::size_t> index(shape.size(), 0);
  std::size_t at = 0;
  for (T* o = out.data(); o != out.data() + out.size(); o += inner) {
    const T* in = x.data() + at;
    if (step == 0)
      std::fill_n(o, inner, *in);
    else
      std::copy_n(in, inner, o);
    for (std::size_t a = shape.size() - (shape.empty() ? 0 : 1); a-- > 0;) {
      at += stride[a];
      if (++index[a] < shape[a]) break;
      at -= stride[a] * shape[a];
      index[a] = 0;
    }
  }
  return out;
}

template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (shape.size() > x.rank() || broadcast_shapes(x.shape(), shape, "sum_to") != x.shape())
    throw_shape_error("sum_to", x.shape(), shape,
                      "do not fit: the second must broadcast to the first");
  const std::size_t lead = x.rank() - shape.size();
  std::vector<bool> reduced(x.rank(), false);
  for (std::size_t a = 0; a < x.rank(); ++a)
    reduced[a] = a < lead || (shape[a - lead] == 1 && x.shape()[a] != 1);
  return reduce(x, reduced, true,
                [](const T* in, const Extents& e, T* out) { sum_middle(in, e, out); })
      .reshaped({shape.begin(), shape.end()});
}

#define PAPILLON_INSTANTIATE(T)                                    \
  template Tensor<T> sum(const Tensor<T>&, const Axes&, bool);     \
  template Tensor<T> mean(const Tensor<T>&, const Axes&, bool);    \
  template Tensor<T> max(const Tensor<T>&, const Axes&, bool);     \
  template Tensor<T> broadcast_to(const Tensor<T>&, const Shape&); \
  template Tensor<T> sum_to(const Tensor<T>&, const Shape&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
