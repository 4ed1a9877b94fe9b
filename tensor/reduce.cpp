#include "papillon/tensor/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/tensor/internal/broadcast.hpp"

namespace papillon {
namespace {

// The longest run that is summed one after the other; longer ones are split in two.
constexpr std::size_t run_length = 256;
constexpr std::size_t run_rows = 32;

enum class Op { sum, max };

template <class T>
PAPILLON_INLINE T larger(T a, T b) {
  return a >= b || a != a ? a : b;  // NaN stays
}

// A run in 16 partial results, which the compiler keeps in registers.
template <class T, class F>
PAPILLON_INLINE T reduce_run(std::size_t n, const T* x, F f) {
  constexpr std::size_t lanes = 16;
  if (n < lanes) {
    T result = x[0];
    for (std::size_t i = 1; i < n; ++i) result = f(result, x[i]);
    return result;
  }
  T partial[lanes];
  for (std::size_t l = 0; l < lanes; ++l) partial[l] = x[l];
  std::size_t i = lanes;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) partial[l] = f(partial[l], x[i + l]);
  for (std::size_t l = 0; i < n; ++i, ++l) partial[l] = f(partial[l], x[i]);
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l) partial[l] = f(partial[l], partial[l + half]);
  return partial[0];
}

template <class T, class F>
PAPILLON_INLINE void reduce_rows(std::size_t rows, std::size_t n, const T* x, T* out, F f) {
  std::copy(x, x + n, out);
  for (std::size_t i = 1; i < rows; ++i)
    for (std::size_t j = 0; j < n; ++j) out[j] = f(out[j], x[i * n + j]);
}

#define PAPILLON_KERNELS(T)                                                                 \
  PAPILLON_CLONES T run(Op op, std::size_t n, const T* x) {                                 \
    if (op == Op::sum) return reduce_run(n, x, [](T a, T b) { return a + b; });             \
    return reduce_run(n, x, [](T a, T b) { return larger(a, b); });                         \
  }                                                                                         \
  PAPILLON_CLONES void run(Op op, std::size_t rows, std::size_t n, const T* x, T* out) {    \
    if (op == Op::sum) return reduce_rows(rows, n, x, out, [](T a, T b) { return a + b; }); \
    reduce_rows(rows, n, x, out, [](T a, T b) { return larger(a, b); });                    \
  }
PAPILLON_KERNELS(float)
PAPILLON_KERNELS(double)
#undef PAPILLON_KERNELS

template <class T>
T combine(Op op, T a, T b) {
  return op == Op::sum ? a + b : larger(a, b);
}

// n > 0 neighbouring elements to one.
template <class T>
T reduce_contiguous(Op op, std::size_t n, const T* x) {
  if (n <= run_length) return run(op, n, x);
  const std::size_t half = n / 2 / run_length * run_length;
  const std::size_t left = half > 0 ? half : run_length;
  return combine(op, reduce_contiguous(op, left, x), reduce_contiguous(op, n - left, x + left));
}

// rows > 0 rows of n elements to one row. scratch holds one row for each level of the recursion.
template <class T>
void reduce_columns(Op op, std::size_t rows, std::size_t n, const T* x, T* out, T* scratch) {
  if (rows <= run_rows) return run(op, rows, n, x, out);
  const std::size_t left = rows / 2;
  reduce_columns(op, left, n, x, out, scratch);
  reduce_columns(op, rows - left, n, x + left * n, scratch, scratch + n);
  for (std::size_t j = 0; j < n; ++j) out[j] = combine(op, out[j], scratch[j]);
}

// [outer, rows, inner] -> [outer, inner]
template <class T>
Tensor<T> reduce_middle(Op op, const T* x, std::size_t outer, std::size_t rows, std::size_t inner) {
  Tensor<T> result(Shape{outer, inner});
  if (rows == 0) {
    result.fill(T(0));  // the empty sum; an empty maximum throws before
  } else if (inner == 1) {
    for (std::size_t o = 0; o < outer; ++o) result[o] = reduce_contiguous(op, rows, x + o * rows);
  } else {
    std::size_t levels = 1;
    for (std::size_t r = rows; r > run_rows; r -= r / 2) ++levels;
    Tensor<T> scratch(Shape{levels, inner});
    for (std::size_t o = 0; o < outer; ++o)
      reduce_columns(op, rows, inner, x + o * rows * inner, result.data() + o * inner,
                     scratch.data());
  }
  return result;
}

std::vector<bool> marked_axes(const Axes& axes, std::size_t rank, const char* name) {
  std::vector<bool> marked(rank, axes.empty());
  for (const std::ptrdiff_t axis : axes) {
    const std::size_t i = normalise_axis(axis, rank, name);
    if (marked[i]) throw ShapeError(fmt::format("{}: axis {} is named twice", name, axis));
    marked[i] = true;
  }
  return marked;
}

template <class T>
Tensor<T> reduce(Op op, const char* name, const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  const std::vector<bool> marked = marked_axes(axes, x.rank(), name);
  Shape final_shape;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (!marked[i])
      final_shape.push_back(x.shape()[i]);
    else if (keep_axes)
      final_shape.push_back(1);
  // Neighbouring axes of one kind act as one, so most reductions are a single pass; the innermost
  // goes first.
  Tensor<T> partial;
  const T* source = x.data();
  std::size_t inner = 1, end = x.rank();
  while (end > 0) {
    std::size_t begin = end, extent = 1;
    while (begin > 0 && marked[begin - 1] == marked[end - 1]) extent *= x.shape()[--begin];
    if (marked[end - 1]) {
      std::size_t outer = 1;
      for (std::size_t i = 0; i < begin; ++i) outer *= x.shape()[i];
      partial = reduce_middle(op, source, outer, extent, inner);
      source = partial.data();
    } else {
      inner *= extent;
    }
    end = begin;
  }
  Tensor<T> result(final_shape);
  std::copy(source, source + result.size(), result.data());
  return result;
}

// How many elements of x one of the result is made of; throws ShapeError if it is none.
template <class T>
std::size_t reduced_count(const Tensor<T>& x, const Axes& axes, const char* name) {
  const std::vector<bool> marked = marked_axes(axes, x.rank(), name);
  std::size_t count = 1;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (marked[i]) count *= x.shape()[i];
  if (count == 0)
    throw ShapeError(
        fmt::format("{}: shape {} has no elements along the axes", name, to_string(x.shape())));
  return count;
}

}  // namespace

template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  return reduce(Op::sum, "sum", x, axes, keep_axes);
}

template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  const std::size_t count = reduced_count(x, axes, "mean");
  Tensor<T> result = reduce(Op::sum, "mean", x, axes, keep_axes);
  for (T& value : result) value /= static_cast<T>(count);
  return result;
}

template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes, bool keep_axes) {
  reduced_count(x, axes, "max");
  return reduce(Op::max, "max", x, axes, keep_axes);
}

template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  const detail::BroadcastWalk walk(x.shape(), shape, "broadcast_to");
  if (walk.shape() != shape)
    throw_shape_error("broadcast_to", x.shape(), shape, "do not fit (the first would shrink)");
  Tensor<T> result(shape);
  walk.for_each_plane([&](const detail::Plane& p, std::size_t from, std::size_t, std::size_t to) {
    const T* source = x.data() + from;
    T* row = result.data() + to;
    for (std::size_t i = 0; i < p.rows; ++i, source += p.a_row, row += p.columns)
      if (p.a_column == 1)
        std::copy(source, source + p.columns, row);
      else
        std::fill(row, row + p.columns, *source);
  });
  return result;
}

template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (broadcast_shapes(x.shape(), shape, "sum_to") != x.shape())
    throw_shape_error("sum_to", x.shape(), shape, "do not fit (the second is the larger)");
  const std::size_t lead = x.rank() - shape.size();
  Axes axes;
  for (std::size_t i = 0; i < x.rank(); ++i)
    if (i < lead || (shape[i - lead] == 1 && x.shape()[i] != 1))
      axes.push_back(static_cast<std::ptrdiff_t>(i));
  Tensor<T> result = sum(x, axes, true);
  result.array().reshape(shape);
  return result;
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
