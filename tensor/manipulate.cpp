#include "papillon/tensor/manipulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace papillon {
namespace {

// A shape seen as [outer, n, inner] around one axis.
struct AxisView {
  AxisView(const Shape& shape, std::size_t axis) : n(shape[axis]) {
    for (std::size_t a = 0; a < axis; ++a) outer *= shape[a];
    for (std::size_t a = axis + 1; a < shape.size(); ++a) inner *= shape[a];
  }
  std::size_t outer = 1, n, inner = 1;
};

// Columns are read in tiles, so that both sides stay in cache.
template <class T>
void transpose_matrix(const T* x, std::size_t rows, std::size_t columns, T* out) {
  constexpr std::size_t tile = 16;
  for (std::size_t i0 = 0; i0 < rows; i0 += tile)
    for (std::size_t j0 = 0; j0 < columns; j0 += tile)
      for (std::size_t i = i0; i < std::min(rows, i0 + tile); ++i)
        for (std::size_t j = j0; j < std::min(columns, j0 + tile); ++j)
          out[j * rows + i] = x[i * columns + j];
}

template <class T>
std::size_t row_size(const Tensor<T>& x, const char* op) {
  if (x.rank() == 0) throw ShapeError(std::string(op) + ": a scalar has no rows");
  return x.extent(0) == 0 ? 0 : x.size() / x.extent(0);
}

void check_indices(std::span<const std::int64_t> indices, std::size_t rows, const char* op) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < 0 || static_cast<std::size_t>(indices[i]) >= rows)
      throw ShapeError(fmt::format("{}: index {} at position {} of a tensor of {} rows", op,
                                   indices[i], i, rows));
}

}  // namespace

template <class T>
Tensor<T> transpose(const Tensor<T>& x, const std::vector<std::size_t>& axes) {
  std::vector<std::size_t> order = axes;
  if (order.empty()) {
    order.resize(x.rank());
    std::iota(order.rbegin(), order.rend(), std::size_t{0});
  }
  std::vector<bool> seen(x.rank(), false);
  bool valid = order.size() == x.rank();
  for (const std::size_t a : order) {
    valid = valid && a < x.rank() && !seen[a];
    if (valid) seen[a] = true;
  }
  if (!valid)
    throw ShapeError("transpose: the axes are no permutation of those of shape " +
                     to_string(x.shape()));
  Shape shape(x.rank());
  for (std::size_t a = 0; a < order.size(); ++a) shape[a] = x.shape()[order[a]];
  Tensor<T> out(shape);
  if (x.rank() == 2 && order[0] == 1) {
    transpose_matrix(x.data(), x.extent(0), x.extent(1), out.data());
    return out;
  }
  std::vector<std::size_t> stride(x.rank(), 1), index(x.rank(), 0);
  for (std::size_t a = x.rank(); a-- > 1;) stride[a - 1] = stride[a] * x.shape()[a];
  std::size_t at = 0;
  for (T& value : out) {
    value = x[at];
    for (std::size_t a = shape.size(); a-- > 0;) {
      at += stride[order[a]];
      if (++index[a] < shape[a]) break;
      at -= stride[order[a]] * shape[a];
      index[a] = 0;
    }
  }
  return out;
}

template <class T>
Tensor<T> concatenate(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) throw ShapeError("concatenate: nothing to join");
  Shape shape = parts[0].shape();
  const std::size_t a = normalise_axis(axis, shape.size(), "concatenate");
  shape[a] = 0;
  for (const auto& part : parts) {
    Shape other = part.shape();
    if (other.size() == shape.size()) {
      shape[a] += other[a];
      other[a] = shape[a];
    }
    if (other != shape)
      throw_shape_error("concatenate", parts[0].shape(), part.shape(),
                        fmt::format("differ in more than axis {}", a));
  }
  Tensor<T> out(shape);
  std::size_t begin = 0;
  const AxisView to(shape, a);
  for (const auto& part : parts) {
    const AxisView from(part.shape(), a);
    for (std::size_t o = 0; o < from.outer; ++o)
      std::copy_n(part.data() + o * from.n * from.inner, from.n * from.inner,
                  out.data() + (o * to.n + begin) * to.inner);
    begin += from.n;
  }
  return out;
}

template <class T>
Tensor<T> slice(const Tensor<T>& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end) {
  const std::size_t a = normalise_axis(axis, x.rank(), "slice");
  if (begin > end || end > x.shape()[a])
    throw ShapeError(
        fmt::format("slice: {} to {} of axis {} of shape {}", begin, end, a, to_string(x.shape())));
  Shape shape = x.shape();
  shape[a] = end - begin;
  Tensor<T> out(shape);
  const AxisView from(x.shape(), a);
  const std::size_t run = (end - begin) * from.inner;
  for (std::size_t o = 0; o < from.outer; ++o)
    std::copy_n(x.data() + (o * from.n + begin) * from.inner, run, out.data() + o * run);
  return out;
}

template <class T>
void slice_add(Tensor<T>& x, std::ptrdiff_t axis, std::size_t begin, const Tensor<T>& part) {
  const std::size_t a = normalise_axis(axis, x.rank(), "slice_add");
  Shape fits = part.shape();
  if (fits.size() == x.rank() && begin <= x.shape()[a] && fits[a] <= x.shape()[a] - begin)
    fits[a] = x.shape()[a];
  else
    throw_shape_error("slice_add", x.shape(), part.shape(),
                      fmt::format("do not fit at {} of axis {}", begin, a));
  if (fits != x.shape())
    throw_shape_error("slice_add", x.shape(), part.shape(),
                      fmt::format("differ in more than axis {}", a));
  const AxisView to(x.shape(), a);
  const std::size_t run = part.shape()[a] * to.inner;
  for (std::size_t o = 0; o < to.outer; ++o) {
    T* out = x.data() + (o * to.n + begin) * to.inner;
    const T* in = part.data() + o * run;
    for (std::size_t i = 0; i < run; ++i) out[i] += in[i];
  }
}

template <class T>
Tensor<T> gather_rows(const Tensor<T>& x, std::span<const std::int64_t> indices) {
  const std::size_t row = row_size(x, "gather_rows");
  check_indices(indices, x.extent(0), "gather_rows");
  Shape shape = x.shape();
  shape[0] = indices.size();
  Tensor<T> out(shape);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::copy_n(x.data() + static_cast<std::size_t>(indices[i]) * row, row, out.data() + i * row);
  return out;
}

template <class T>
void scatter_add_rows(Tensor<T>& y, std::span<const std::int64_t> indices, const Tensor<T>& x) {
  const std::size_t row = row_size(y, "scatter_add_rows");
  check_indices(indices, y.extent(0), "scatter_add_rows");
  Shape fits = y.shape();
  fits[0] = indices.size();
  if (x.shape() != fits)
    throw_shape_error("scatter_add_rows", y.shape(), x.shape(),
                      fmt::format("do not fit {} indices", indices.size()));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    T* out = y.data() + static_cast<std::size_t>(indices[i]) * row;
    const T* in = x.data() + i * row;
    for (std::size_t j = 0; j < row; ++j) out[j] += in[j];
  }
}

#define PAPILLON_INSTANTIATE(T)                                                         \
  template Tensor<T> transpose(const Tensor<T>&, const std::vector<std::size_t>&);      \
  template Tensor<T> concatenate(const std::vector<Tensor<T>>&, std::ptrdiff_t);        \
  template Tensor<T> slice(const Tensor<T>&, std::ptrdiff_t, std::size_t, std::size_t); \
  template void slice_add(Tensor<T>&, std::ptrdiff_t, std::size_t, const Tensor<T>&);   \
  template Tensor<T> gather_rows(const Tensor<T>&, std::span<const std::int64_t>);      \
  template void scatter_add_rows(Tensor<T>&, std::span<const std::int64_t>, const Tensor<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
