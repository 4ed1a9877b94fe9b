#include "papillon/tensor/elementwise.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/tensor/broadcast.hpp"

namespace papillon {
namespace {

using detail::BroadcastWalk;
using detail::Plane;

// Each op is a name, and each precision has one function for all of them, so that the functions
// can be compiled for several instruction sets (templates cannot).
enum class Binary {
  add,
  sub,
  mul,
  div,
  pow,
  absorbing_mul,
  absorbing_div,
  maximum,
  minimum,
  greater_equal,
  equal
};
enum class Unary { neg, exp, log, sqrt, sin, cos, tanh, erf, sigmoid, relu, abs, sign, reciprocal };
enum class WithNumber { add, mul, pow };

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

template <class T>
PAPILLON_INLINE void binary_any(Binary op, const Plane& p, const T* a, const T* b, T* out) {
  switch (op) {
    case Binary::add:
      return walk_plane(p, a, b, out, [](T x, T y) { return x + y; });
    case Binary::sub:
      return walk_plane(p, a, b, out, [](T x, T y) { return x - y; });
    case Binary::mul:
      return walk_plane(p, a, b, out, [](T x, T y) { return x * y; });
    case Binary::div:
      return walk_plane(p, a, b, out, [](T x, T y) { return x / y; });
    case Binary::pow:
      return walk_plane(p, a, b, out, [](T x, T y) { return std::pow(x, y); });
    case Binary::absorbing_mul:  // the bits of mul where that is a number
      return walk_plane(p, a, b, out, [](T x, T y) {
        const T z = x * y;
        return z == z || (x != 0 && y != 0) ? z : T(0);
      });
    case Binary::absorbing_div:
      return walk_plane(p, a, b, out, [](T x, T y) {
        const T z = x / y;
        return z == z || x != 0 ? z : T(0);
      });
    case Binary::maximum:  // NaN in either operand stays
      return walk_plane(p, a, b, out, [](T x, T y) { return x >= y || x != x ? x : y; });
    case Binary::minimum:
      return walk_plane(p, a, b, out, [](T x, T y) { return x <= y || x != x ? x : y; });
    case Binary::greater_equal:
      return walk_plane(p, a, b, out, [](T x, T y) { return x >= y ? T(1) : T(0); });
    case Binary::equal:
      return walk_plane(p, a, b, out, [](T x, T y) { return x == y ? T(1) : T(0); });
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

template <class T>
PAPILLON_INLINE void unary_any(Unary op, std::size_t n, const T* x, T* out) {
  switch (op) {
    case Unary::neg:
      return walk(n, x, out, [](T v) { return -v; });
    case Unary::exp:
      return walk(n, x, out, [](T v) { return std::exp(v); });
    case Unary::log:
      return walk(n, x, out, [](T v) { return std::log(v); });
    case Unary::sqrt:
      return walk(n, x, out, [](T v) { return std::sqrt(v); });
    case Unary::sin:
      return walk(n, x, out, [](T v) { return std::sin(v); });
    case Unary::cos:
      return walk(n, x, out, [](T v) { return std::cos(v); });
    case Unary::tanh:
      return walk(n, x, out, [](T v) { return std::tanh(v); });
    case Unary::erf:
      return walk(n, x, out, [](T v) { return std::erf(v); });
    case Unary::sigmoid:
      return walk(n, x, out, [](T v) { return sigmoid_of(v); });
    case Unary::relu:
      return walk(n, x, out, [](T v) { return v < 0 ? T(0) : v; });
    case Unary::abs:
      return walk(n, x, out, [](T v) { return std::abs(v); });
    case Unary::sign:
      return walk(n, x, out, [](T v) { return v > 0 ? T(1) : v < 0 ? T(-1) : v; });
    case Unary::reciprocal:
      return walk(n, x, out, [](T v) { return 1 / v; });
  }
}

template <class T>
PAPILLON_INLINE void number_any(WithNumber op, std::size_t n, const T* x, T c, T* out) {
  switch (op) {
    case WithNumber::add:
      return walk(n, x, out, [c](T v) { return v + c; });
    case WithNumber::mul:
      return walk(n, x, out, [c](T v) { return v * c; });
    case WithNumber::pow:
      return walk(n, x, out, [c](T v) { return std::pow(v, c); });
  }
}

template <class T>
PAPILLON_INLINE void axpy_any(std::size_t n, T alpha, const T* x, T* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

#define PAPILLON_KERNELS(T)                                                             \
  PAPILLON_CLONES void run(Binary op, const Plane& p, const T* a, const T* b, T* out) { \
    binary_any(op, p, a, b, out);                                                       \
  }                                                                                     \
  PAPILLON_CLONES void run(Unary op, std::size_t n, const T* x, T* out) {               \
    unary_any(op, n, x, out);                                                           \
  }                                                                                     \
  PAPILLON_CLONES void run(WithNumber op, std::size_t n, const T* x, T c, T* out) {     \
    number_any(op, n, x, c, out);                                                       \
  }                                                                                     \
  PAPILLON_CLONES void run_clip(std::size_t n, const T* x, T low, T high, T* out) {     \
    walk(n, x, out, [=](T v) { return v < low ? low : v > high ? high : v; });          \
  }                                                                                     \
  PAPILLON_CLONES void run_axpy(std::size_t n, T alpha, const T* x, T* y) {             \
    axpy_any(n, alpha, x, y);                                                           \
  }
PAPILLON_KERNELS(float)
PAPILLON_KERNELS(double)
#undef PAPILLON_KERNELS

template <class T>
Tensor<T> apply(Binary op, const char* name, const Tensor<T>& a, const Tensor<T>& b) {
  const BroadcastWalk walk_both(a.shape(), b.shape(), name);
  Tensor<T> result(walk_both.shape());
  walk_both.for_each_plane([&](const Plane& p, std::size_t ia, std::size_t ib, std::size_t out) {
    run(op, p, a.data() + ia, b.data() + ib, result.data() + out);
  });
  return result;
}

template <class T>
Tensor<T> apply(Unary op, const Tensor<T>& x) {
  Tensor<T> result(x.shape());
  run(op, x.size(), x.data(), result.data());
  return result;
}

template <class T>
Tensor<T> apply(WithNumber op, const Tensor<T>& x, T c) {
  Tensor<T> result(x.shape());
  run(op, x.size(), x.data(), c, result.data());
  return result;
}

}  // namespace

#define PAPILLON_BINARY(name)                                              \
  template <class T>                                                       \
  Tensor<T> name(const Tensor<T>& a, const Tensor<T>& b) {                 \
    return apply(Binary::name, #name, a, b);                               \
  }                                                                        \
  template Tensor<float> name(const Tensor<float>&, const Tensor<float>&); \
  template Tensor<double> name(const Tensor<double>&, const Tensor<double>&);
PAPILLON_BINARY(add)
PAPILLON_BINARY(sub)
PAPILLON_BINARY(mul)
PAPILLON_BINARY(div)
PAPILLON_BINARY(pow)
PAPILLON_BINARY(absorbing_mul)
PAPILLON_BINARY(absorbing_div)
PAPILLON_BINARY(maximum)
PAPILLON_BINARY(minimum)
PAPILLON_BINARY(greater_equal)
PAPILLON_BINARY(equal)

#define PAPILLON_UNARY(name)                         \
  template <class T>                                 \
  Tensor<T> name(const Tensor<T>& x) {               \
    return apply(Unary::name, x);                    \
  }                                                  \
  template Tensor<float> name(const Tensor<float>&); \
  template Tensor<double> name(const Tensor<double>&);
PAPILLON_UNARY(neg)
PAPILLON_UNARY(exp)
PAPILLON_UNARY(log)
PAPILLON_UNARY(sqrt)
PAPILLON_UNARY(sin)
PAPILLON_UNARY(cos)
PAPILLON_UNARY(tanh)
PAPILLON_UNARY(erf)
PAPILLON_UNARY(sigmoid)
PAPILLON_UNARY(relu)
PAPILLON_UNARY(abs)
PAPILLON_UNARY(sign)
PAPILLON_UNARY(reciprocal)

template <class T>
Tensor<T> add_scalar(const Tensor<T>& x, T c) {
  return apply(WithNumber::add, x, c);
}

template <class T>
Tensor<T> mul_scalar(const Tensor<T>& x, T c) {
  return apply(WithNumber::mul, x, c);
}

template <class T>
Tensor<T> pow_scalar(const Tensor<T>& x, T c) {
  return apply(WithNumber::pow, x, c);
}

template <class T>
Tensor<T> clip(const Tensor<T>& x, T low, T high) {
  if (!(low <= high)) throw ArgumentError(fmt::format("clip: low {} is above high {}", low, high));
  Tensor<T> result(x.shape());
  run_clip(x.size(), x.data(), low, high, result.data());
  return result;
}

template <class T>
void axpy(T alpha, const Tensor<T>& x, Tensor<T>& y) {
  if (x.shape() != y.shape()) throw_shape_error("axpy", x.shape(), y.shape(), "differ");
  run_axpy(x.size(), alpha, x.data(), y.data());
}

#define PAPILLON_INSTANTIATE(T)                       \
  template Tensor<T> add_scalar(const Tensor<T>&, T); \
  template Tensor<T> mul_scalar(const Tensor<T>&, T); \
  template Tensor<T> pow_scalar(const Tensor<T>&, T); \
  template Tensor<T> clip(const Tensor<T>&, T, T);    \
  template void axpy(T, const Tensor<T>&, Tensor<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
