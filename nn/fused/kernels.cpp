#include "papillon/nn/internal/fused_kernels.hpp"

#include <cmath>

#include "papillon/tensor/compat.hpp"

namespace papillon::fused {
namespace {

// Sums run in 16 lanes, so that they vectorise without a licence to reorder additions.
constexpr std::size_t lanes = 16;

template <class T>
PAPILLON_INLINE T fold(const T* lane) {
  T s[8], q[4];
  for (std::size_t j = 0; j < 8; ++j) s[j] = lane[j] + lane[j + 8];
  for (std::size_t j = 0; j < 4; ++j) q[j] = s[j] + s[j + 4];
  return (q[0] + q[2]) + (q[1] + q[3]);
}

// The sum of f(j) for j < h.
template <class T, class F>
PAPILLON_INLINE T sum_lanes(std::size_t h, F f) {
  T lane[lanes] = {};
  std::size_t j = 0;
  for (; j + lanes <= h; j += lanes)
    for (std::size_t k = 0; k < lanes; ++k) lane[k] += f(j + k);
  for (std::size_t k = 0; j < h; ++j, ++k) lane[k] += f(j);
  return fold(lane);
}

template <class T>
PAPILLON_INLINE void normalise_film_rows(std::size_t n, std::size_t h, T* x, const T* pending_bias,
                                         const T* table, const std::uint32_t* slot, T eps, T* xhat,
                                         T* rstd, T* out) {
  const T inverse = T(1) / static_cast<T>(h);
  for (std::size_t i = 0; i < n; ++i) {
    T* __restrict row = x + i * h;
    T* __restrict o = out + i * h;
    const T* __restrict scale = table + slot[i] * 2 * h;
    const T* __restrict shift = scale + h;
    if (pending_bias != nullptr)
      for (std::size_t j = 0; j < h; ++j) row[j] += pending_bias[j];
    const T mean = sum_lanes<T>(h, [&](std::size_t j) { return row[j]; }) * inverse;
    const T variance = sum_lanes<T>(h,
                                    [&](std::size_t j) {
                                      const T d = row[j] - mean;
                                      return d * d;
                                    }) *
                       inverse;
    const T r = T(1) / std::sqrt(variance + eps);
    if (xhat != nullptr) {
      T* __restrict xh = xhat + i * h;
      rstd[i] = r;
      for (std::size_t j = 0; j < h; ++j) {
        xh[j] = (row[j] - mean) * r;
        o[j] = xh[j] * scale[j] + shift[j];
      }
    } else {
      for (std::size_t j = 0; j < h; ++j) o[j] = (row[j] - mean) * r * scale[j] + shift[j];
    }
  }
}

template <class T>
PAPILLON_INLINE void normalise_film_backward_rows(std::size_t n, std::size_t h, const T* da,
                                                  const T* xhat, const T* rstd, const T* table,
                                                  const std::uint32_t* slot,
                                                  FilmGradient<T> gradient, T* dx) {
  const T inverse = T(1) / static_cast<T>(h);
  for (std::size_t i = 0; i < n; ++i) {
    const T* __restrict d = da + i * h;
    const T* __restrict xh = xhat + i * h;
    const T* __restrict scale = table + slot[i] * 2 * h;
    T* __restrict dscale = static_cast<std::int64_t>(slot[i]) == gradient.shared_slot
                               ? gradient.shared
                               : gradient.table + slot[i] * 2 * h;
    T* __restrict dshift = dscale + h;
    T* __restrict o = dx + i * h;
    for (std::size_t j = 0; j < h; ++j) {
      dscale[j] += d[j] * xh[j];
      dshift[j] += d[j];
    }
    const T m1 = sum_lanes<T>(h, [&](std::size_t j) { return d[j] * scale[j]; }) * inverse;
    const T m2 = sum_lanes<T>(h, [&](std::size_t j) { return d[j] * scale[j] * xh[j]; }) * inverse;
    const T r = rstd[i];
    for (std::size_t j = 0; j < h; ++j) o[j] += r * (d[j] * scale[j] - m1 - xh[j] * m2);
  }
}

template <class T>
PAPILLON_INLINE void bias_relu_rows(std::size_t n, std::size_t h, T* x, const T* bias) {
  for (std::size_t i = 0; i < n; ++i) {
    T* __restrict row = x + i * h;
    const T* __restrict b = bias;
    for (std::size_t j = 0; j < h; ++j) {
      const T v = row[j] + b[j];
      row[j] = v < T(0) ? T(0) : v;  // NaN stays NaN
    }
  }
}

template <class T>
PAPILLON_INLINE void relu_backward_rows(std::size_t n, std::size_t h, const T* y, T* dx, T* sums) {
  for (std::size_t i = 0; i < n; ++i) {
    const T* __restrict yr = y + i * h;
    T* __restrict d = dx + i * h;
    T* __restrict s = sums;
    for (std::size_t j = 0; j < h; ++j) {
      const T v = yr[j] > T(0) ? d[j] : T(0);
      d[j] = v;
      s[j] += v;
    }
  }
}

template <class T>
PAPILLON_INLINE void add_bias_rows(std::size_t n, std::size_t h, T* x, const T* bias) {
  for (std::size_t i = 0; i < n; ++i) {
    T* __restrict row = x + i * h;
    const T* __restrict b = bias;
    for (std::size_t j = 0; j < h; ++j) row[j] += b[j];
  }
}

template <class T>
PAPILLON_INLINE void add_column_sums_rows(std::size_t n, std::size_t h, const T* x, T* sums) {
  for (std::size_t i = 0; i < n; ++i) {
    const T* __restrict row = x + i * h;
    T* __restrict s = sums;
    for (std::size_t j = 0; j < h; ++j) s[j] += row[j];
  }
}

template <class T>
PAPILLON_INLINE void accumulate_all(std::size_t n, const T* x, T* out) {
  const T* __restrict a = x;
  T* __restrict o = out;
  for (std::size_t j = 0; j < n; ++j) o[j] += a[j];
}

}  // namespace

// The clones must be plain functions: one for each precision.
#define PAPILLON_DEFINE_KERNELS(T)                                                               \
  PAPILLON_CLONES void normalise_film(std::size_t n, std::size_t h, T* x, const T* pending_bias, \
                                      const T* table, const std::uint32_t* slot, T eps, T* xhat, \
                                      T* rstd, T* out) {                                         \
    normalise_film_rows<T>(n, h, x, pending_bias, table, slot, eps, xhat, rstd, out);            \
  }                                                                                              \
  PAPILLON_CLONES void normalise_film_backward(                                                  \
      std::size_t n, std::size_t h, const T* da, const T* xhat, const T* rstd, const T* table,   \
      const std::uint32_t* slot, FilmGradient<T> gradient, T* dx) {                              \
    normalise_film_backward_rows<T>(n, h, da, xhat, rstd, table, slot, gradient, dx);            \
  }                                                                                              \
  PAPILLON_CLONES void bias_relu(std::size_t n, std::size_t h, T* x, const T* bias) {            \
    bias_relu_rows<T>(n, h, x, bias);                                                            \
  }                                                                                              \
  PAPILLON_CLONES void relu_backward(std::size_t n, std::size_t h, const T* y, T* dx, T* sums) { \
    relu_backward_rows<T>(n, h, y, dx, sums);                                                    \
  }                                                                                              \
  PAPILLON_CLONES void add_bias(std::size_t n, std::size_t h, T* x, const T* bias) {             \
    add_bias_rows<T>(n, h, x, bias);                                                             \
  }                                                                                              \
  PAPILLON_CLONES void add_column_sums(std::size_t n, std::size_t h, const T* x, T* sums) {      \
    add_column_sums_rows<T>(n, h, x, sums);                                                      \
  }                                                                                              \
  PAPILLON_CLONES void accumulate(std::size_t n, const T* x, T* out) {                           \
    accumulate_all<T>(n, x, out);                                                                \
  }

PAPILLON_DEFINE_KERNELS(float)
PAPILLON_DEFINE_KERNELS(double)

}  // namespace papillon::fused
