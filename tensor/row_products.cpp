#include "papillon/tensor/row_products.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/tensor/compat.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

// A panel is as many columns of W^T as fill a cache line; inputs are taken so many at a time that a
// panel of them stays in the first cache, and rows so many that they stay in the second.
constexpr std::size_t panel_bytes = 64;
template <class T>
constexpr std::size_t panel_width = panel_bytes / sizeof(T);
constexpr std::size_t inputs_at_once = 512, rows_at_once = 256;

// A register of B bytes, loaded from anywhere.
template <class T, std::size_t B>
struct Register {
  typedef T type __attribute__((vector_size(B), aligned(alignof(T)), may_alias));
};

// One call: rows of x and y, and the panels of one range of inputs.
template <class T>
struct Block {
  std::size_t inputs, ldx, ldy, panel_distance;
  const T* x;
  const T* panels;
  T* y;
  bool add;
  Block at_row(std::size_t i) const {
    Block b = *this;
    b.x += i * ldx;
    b.y += i * ldy;
    return b;
  }
  Block at_column(std::size_t j) const {  // the first of a panel
    Block b = *this;
    b.panels += j / panel_width<T> * panel_distance;
    b.y += j;
    return b;
  }
};

// The sums of `Rows` rows and `Panels` panels, in registers all the while.
template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE void sums(const Block<T>& block, const T* start, std::size_t start_distance, T* out,
                          std::size_t out_distance) {
  using V = typename Register<T, B>::type;
  constexpr std::size_t lanes = B / sizeof(T), in_panel = panel_bytes / B, n = Panels * in_panel;
  V sum[Rows][n], w[n];
  for (std::size_t i = 0; i < Rows; ++i)
    for (std::size_t v = 0; v < n; ++v)
      sum[i][v] =
          block.add ? *reinterpret_cast<const V*>(start + i * start_distance + v * lanes) : V{};
  for (std::size_t k = 0; k < block.inputs; ++k) {
    for (std::size_t v = 0; v < n; ++v)
      w[v] = *reinterpret_cast<const V*>(block.panels + (v / in_panel) * block.panel_distance +
                                         k * panel_width<T> + (v % in_panel) * lanes);
    for (std::size_t i = 0; i < Rows; ++i)
      for (std::size_t v = 0; v < n; ++v) sum[i][v] += block.x[i * block.ldx + k] * w[v];
  }
  for (std::size_t i = 0; i < Rows; ++i)
    for (std::size_t v = 0; v < n; ++v)
      *reinterpret_cast<V*>(out + i * out_distance + v * lanes) = sum[i][v];
}

// The same for `columns` outputs, where those may be fewer than the panels hold.
template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE void some_rows(const Block<T>& block, std::size_t columns) {
  constexpr std::size_t width = Panels * panel_width<T>;
  if (columns >= width)
    return sums<T, B, Rows, Panels>(block, block.y, block.ldy, block.y, block.ldy);
  T edge[Rows * width] = {};
  for (std::size_t i = 0; block.add && i < Rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) edge[i * width + j] = block.y[i * block.ldy + j];
  sums<T, B, Rows, Panels>(block, edge, width, edge, width);
  for (std::size_t i = 0; i < Rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) block.y[i * block.ldy + j] = edge[i * width + j];
}

template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE void last_rows(const Block<T>& block, std::size_t rows, std::size_t columns) {
  if constexpr (Rows > 0) {
    if (rows == Rows) return some_rows<T, B, Rows, Panels>(block, columns);
    last_rows<T, B, Rows - 1, Panels>(block, rows, columns);
  }
}

template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE void all_rows(const Block<T>& block, std::size_t rows, std::size_t columns) {
  std::size_t i = 0;
  for (; i + Rows <= rows; i += Rows) some_rows<T, B, Rows, Panels>(block.at_row(i), columns);
  last_rows<T, B, Rows - 1, Panels>(block.at_row(i), rows - i, columns);
}

// From column `from` on, while that many panels are left; returns the column after them.
template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE std::size_t all_columns(const Block<T>& block, std::size_t rows, std::size_t from,
                                        std::size_t columns) {
  constexpr std::size_t width = panel_width<T>;
  for (; columns > from + (Panels - 1) * width; from += Panels * width)
    all_rows<T, B, Rows, Panels>(block.at_column(from), rows, columns - from);
  return std::min(from, columns);
}

// Rows times Panels sums fill the registers of the instruction set. A single row needs several
// panels, or each multiply-add would wait for the one before.
template <class T, std::size_t B, std::size_t Rows, std::size_t Panels>
PAPILLON_INLINE void all_sums(const Block<T>& block, std::size_t rows, std::size_t columns) {
  std::size_t from = 0;
  if (rows == 1)
    from = all_columns<T, B, 1, 4>(block, rows, from, columns);
  else if constexpr (Panels > 1)
    from = all_columns<T, B, Rows, Panels>(block, rows, from, columns);
  all_columns<T, B, Rows, 1>(block, rows, from, columns);
}

template <class T>
using Kernel = void (*)(const Block<T>&, std::size_t rows, std::size_t columns);

// B: bytes of a register.
#define PAPILLON_DEFINE_KERNEL(NAME, T, ATTRIBUTES, B, ROWS, PANELS)                   \
  ATTRIBUTES void NAME(const Block<T>& block, std::size_t rows, std::size_t columns) { \
    all_sums<T, B, ROWS, PANELS>(block, rows, columns);                                \
  }
#define PAPILLON_DEFINE_KERNELS(NAME, ATTRIBUTES, B, ROWS, PANELS) \
  PAPILLON_DEFINE_KERNEL(NAME, float, ATTRIBUTES, B, ROWS, PANELS) \
  PAPILLON_DEFINE_KERNEL(NAME, double, ATTRIBUTES, B, ROWS, PANELS)

#if defined(__x86_64__) && defined(__GNUC__)
PAPILLON_DEFINE_KERNELS(product_avx512, __attribute__((target("avx512f"))), 64, 8, 2)
PAPILLON_DEFINE_KERNELS(product_avx2, __attribute__((target("avx2,fma"))), 32, 6, 1)
PAPILLON_DEFINE_KERNELS(product_base, , 16, 2, 1)

template <class T>
Kernel<T> best_kernel() {
  if (__builtin_cpu_supports("avx512f")) return product_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return product_avx2;
  return product_base;
}
#else
PAPILLON_DEFINE_KERNELS(product_base, , 16, 4, 1)

template <class T>
Kernel<T> best_kernel() {
  return product_base;
}
#endif
#undef PAPILLON_DEFINE_KERNELS
#undef PAPILLON_DEFINE_KERNEL

}  // namespace

template <class T>
void RowWeights<T>::set(std::size_t outputs, std::size_t inputs, const T* w, std::size_t ld) {
  if (ld < inputs)
    throw ArgumentError(
        fmt::format("row weights: ld = {} is below the {} inputs of a row", ld, inputs));
  constexpr std::size_t width = panel_width<T>;
  const std::size_t panels = (outputs + width - 1) / width;
  panels_.resize({panels, inputs, width});
  outputs_ = outputs;
  inputs_ = inputs;
  T* to = panels_.data();
  for (std::size_t first = 0; first < outputs; first += width) {
    const std::size_t count = std::min(width, outputs - first);
    const T* from = w + first * ld;
    for (std::size_t k = 0; k < inputs; ++k, to += width) {
      for (std::size_t j = 0; j < count; ++j) to[j] = from[j * ld + k];
      std::fill(to + count, to + width, T(0));
    }
  }
}

template <class T>
void RowWeights<T>::product(std::size_t rows, const T* x, std::size_t ldx, T* y, std::size_t ldy,
                            bool add) const {
  static const Kernel<T> kernel = best_kernel<T>();
  if (inputs_ == 0 && !add)
    for (std::size_t i = 0; i < rows; ++i) std::fill_n(y + i * ldy, outputs_, T(0));
  for (std::size_t first = 0; first < rows; first += rows_at_once)
    for (std::size_t k = 0; k < inputs_; k += inputs_at_once)
      kernel(
          {std::min(inputs_at_once, inputs_ - k), ldx, ldy, inputs_ * panel_width<T>,
           x + first * ldx + k, panels_.data() + k * panel_width<T>, y + first * ldy, add || k > 0},
          std::min(rows_at_once, rows - first), outputs_);
}

template <class T>
RowWeights<T> row_weights(const Tensor<T>& w) {
  if (w.rank() != 2)
    throw ShapeError(fmt::format("row weights: shape {} where [outputs, inputs] is needed",
                                 to_string(w.shape())));
  RowWeights<T> weights;
  weights.set(w.extent(0), w.extent(1), w.data(), w.extent(1));
  return weights;
}

template <class T>
Tensor<T> row_products(const Tensor<T>& x, const RowWeights<T>& weights) {
  const std::size_t inputs = weights.inputs(), outputs = weights.outputs();
  if (x.rank() != 2 || x.extent(1) != inputs)
    throw_shape_error("row products", x.shape(), Shape{outputs, inputs}, "do not fit (x W^T)");
  const std::size_t rows = x.extent(0);
  Tensor<T> y(Shape{rows, outputs});
  parallel_for((rows + rows_at_once - 1) / rows_at_once, [&](std::size_t tile) {
    const std::size_t first = tile * rows_at_once, n = std::min(rows_at_once, rows - first);
    weights.product(n, x.data() + first * inputs, inputs, y.data() + first * outputs, outputs);
  });
  return y;
}

#define PAPILLON_INSTANTIATE(T)                         \
  template class RowWeights<T>;                         \
  template RowWeights<T> row_weights(const Tensor<T>&); \
  template Tensor<T> row_products(const Tensor<T>&, const RowWeights<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
