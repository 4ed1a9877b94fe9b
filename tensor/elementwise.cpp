#include "papillon/tensor/elementwise.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/tensor/internal/broadcast.hpp"

namespace papillon {
namespace {

using detail::BroadcastWalk;
using detail::Plane;

template <class T, class F>
PAPILLON_INLINE void walk_plane(const Plane& p, const T* a, const T* b, T* out, F f) {
  const std::size_t n = p.columns;
  for (std::size_t i = 0; i < p.rows; ++i, a += p.a_row, b += p.b_row, out += n) {
    if (p.a_column == 1 && p.b_column == 1) {
      for (std::size_t j = 0; j < n; ++j) out[j] = f(a[j], b[j]);
    } else if (p.a_column == 1) {
      for (std::size_t j = 0; j < n; ++j) out[j] = f(a[j], *b);
    } else if (p.b_column == 1) {
      for (std::size_t j = 0; j < n; ++j) out[j] = f(*a, b[j]);
    } else {
      for (std::size_t j = 0; j < n; ++j) out[j] = f(*a, *b);
    }
  }
}

template <class T, class F>
PAPILLON_INLINE void walk(std::size_t n, const T* x, T* out, F f) {
  for (std::size_t i = 0; i < n; ++i) out[i] = f(x[i]);
}

template <class T>
PAPILLON_INLINE T sigmoid_of(T x) {
  const T e = std::exp(-std::abs(x));  // never overflows, and keeps the small tail's digits
  return (x < 0 ? e : T(1)) / (1 + e);
}

// The bits of x * y where that is a number.
template <class T>
PAPILLON_INLINE T absorbing_product(T x, T y) {
  const T z = x * y;
  return z == z || (x != 0 && y != 0) ? z : T(0);
}

template <class T>
PAPILLON_INLINE T absorbing_quotient(T x, T y) {
  const T z = x / y;
  return z == z || x != 0 ? z : T(0);
}

template <class T, class Kernel>
Tensor<T> apply_binary(Kernel kernel, const char* name, const Tensor<T>& a, const Tensor<T>& b) {
  const BroadcastWalk walk_both(a.shape(), b.shape(), name);
  Tensor<T> result(walk_both.shape());
  walk_both.for_each_plane([&](const Plane& p, std::size_t ia, std::size_t ib, std::size_t out) {
    kernel(p, a.data() + ia, b.data() + ib, result.data() + out);
  });
  return result;
}

template <class T, class Kernel, class... Numbers>
Tensor<T> apply(Kernel kernel, const Tensor<T>& x, Numbers... numbers) {
  Tensor<T> result(x.shape());
  kernel(x.size(), x.data(), result.data(), numbers...);
  return result;
}

}  // namespace

// An op is a name and an expression. It has a kernel for each precision (an overload, since no
// template can be compiled for several instruction sets), and a function on tensors that runs it.
#define PAPILLON_FUNCTION(T, name, parameters, walk_elements, run, ...) \
  namespace {                                                           \
  PAPILLON_CLONES void name##_kernel parameters {                       \
    walk_elements;                                                      \
  }                                                                     \
  }                                                                     \
  template <>                                                           \
  Tensor<T> name(__VA_ARGS__) {                                         \
    return run;                                                         \
  }
#define PAPILLON_BINARY_FOR(T, name, expression)                                        \
  PAPILLON_FUNCTION(T, name, (const Plane& p, const T* a, const T* b, T* out),          \
                    walk_plane(p, a, b, out, [](T x, T y) -> T { return expression; }), \
                    apply_binary([](auto... v) { name##_kernel(v...); }, #name, a, b),  \
                    const Tensor<T>& a, const Tensor<T>& b)
#define PAPILLON_UNARY_FOR(T, name, expression)                            \
  PAPILLON_FUNCTION(T, name, (std::size_t n, const T* in, T* out),         \
                    walk(n, in, out, [](T x) -> T { return expression; }), \
                    apply([](auto... v) { name##_kernel(v...); }, in), const Tensor<T>& in)
#define PAPILLON_WITH_NUMBER_FOR(T, name, expression)                                          \
  PAPILLON_FUNCTION(T, name, (std::size_t n, const T* in, T* out, T c),                        \
                    walk(n, in, out, [c](T x) -> T { return expression; }),                    \
                    apply([](auto... v) { name##_kernel(v...); }, in, c), const Tensor<T>& in, \
                    T c)
#define PAPILLON_BOTH(kind, name, expression) \
  PAPILLON_##kind##_FOR(float, name, expression) PAPILLON_##kind##_FOR(double, name, expression)

// clang-format off
PAPILLON_BOTH(BINARY, add, x + y)
PAPILLON_BOTH(BINARY, sub, x - y)
PAPILLON_BOTH(BINARY, mul, x * y)
PAPILLON_BOTH(BINARY, div, x / y)
PAPILLON_BOTH(BINARY, pow, std::pow(x, y))
PAPILLON_BOTH(BINARY, absorbing_mul, absorbing_product(x, y))
PAPILLON_BOTH(BINARY, absorbing_div, absorbing_quotient(x, y))
PAPILLON_BOTH(BINARY, maximum, x >= y || x != x ? x : y)  // NaN in either operand stays
PAPILLON_BOTH(BINARY, minimum, x <= y || x != x ? x : y)
PAPILLON_BOTH(BINARY, greater_equal, x >= y ? 1 : 0)
PAPILLON_BOTH(BINARY, equal, x == y ? 1 : 0)

PAPILLON_BOTH(UNARY, neg, -x)
PAPILLON_BOTH(UNARY, exp, std::exp(x))
PAPILLON_BOTH(UNARY, log, std::log(x))
PAPILLON_BOTH(UNARY, sqrt, std::sqrt(x))
PAPILLON_BOTH(UNARY, sin, std::sin(x))
PAPILLON_BOTH(UNARY, cos, std::cos(x))
PAPILLON_BOTH(UNARY, tanh, std::tanh(x))
PAPILLON_BOTH(UNARY, erf, std::erf(x))
PAPILLON_BOTH(UNARY, sigmoid, sigmoid_of(x))
PAPILLON_BOTH(UNARY, relu, x < 0 ? 0 : x)
PAPILLON_BOTH(UNARY, abs, std::abs(x))
PAPILLON_BOTH(UNARY, sign, x > 0 ? 1 : x < 0 ? -1 : x)
PAPILLON_BOTH(UNARY, reciprocal, 1 / x)

PAPILLON_BOTH(WITH_NUMBER, add_scalar, x + c)
PAPILLON_BOTH(WITH_NUMBER, mul_scalar, x * c)
PAPILLON_BOTH(WITH_NUMBER, pow_scalar, std::pow(x, c))
// clang-format on

#define PAPILLON_INSTANTIATE(T)                                                            \
  namespace {                                                                              \
  PAPILLON_CLONES void clip_kernel(std::size_t n, const T* in, T* out, T low, T high) {    \
    walk(n, in, out, [=](T x) { return x < low ? low : x > high ? high : x; });            \
  }                                                                                        \
  PAPILLON_CLONES void axpy_kernel(std::size_t n, T alpha, const T* x, T* y) {             \
    for (std::size_t i = 0; i < n; ++i) y[i] += alpha * x[i];                              \
  }                                                                                        \
  }                                                                                        \
  template <>                                                                              \
  Tensor<T> clip(const Tensor<T>& x, T low, T high) {                                      \
    if (!(low <= high))                                                                    \
      throw ArgumentError(fmt::format("clip: low {} is above high {}", low, high));        \
    return apply([](auto... v) { clip_kernel(v...); }, x, low, high);                      \
  }                                                                                        \
  template <>                                                                              \
  void axpy(T alpha, const Tensor<T>& x, Tensor<T>& y) {                                   \
    if (x.shape() != y.shape()) throw_shape_error("axpy", x.shape(), y.shape(), "differ"); \
    axpy_kernel(x.size(), alpha, x.data(), y.data());                                      \
  }
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
