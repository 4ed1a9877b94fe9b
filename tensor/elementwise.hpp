// Elementwise functions of tensors, with NumPy's broadcasting. Float and double.
#pragma once

#include "papillon/tensor/tensor.hpp"

// A table, one function a line.
// clang-format off
namespace papillon {

// Of two tensors; throw ShapeError if their shapes do not broadcast.
template <class T> Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> sub(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> mul(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> div(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> pow(const Tensor<T>& a, const Tensor<T>& b);
// The product where 0 wins, also over infinity and NaN; the quotient where a zero numerator does.
template <class T> Tensor<T> absorbing_mul(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> absorbing_div(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b);
// 1 where a >= b, else 0; 1 where a == b, else 0.
template <class T> Tensor<T> greater_equal(const Tensor<T>& a, const Tensor<T>& b);
template <class T> Tensor<T> equal(const Tensor<T>& a, const Tensor<T>& b);

// Of one tensor.
template <class T> Tensor<T> neg(const Tensor<T>& x);
template <class T> Tensor<T> exp(const Tensor<T>& x);
template <class T> Tensor<T> log(const Tensor<T>& x);
template <class T> Tensor<T> sqrt(const Tensor<T>& x);
template <class T> Tensor<T> sin(const Tensor<T>& x);
template <class T> Tensor<T> cos(const Tensor<T>& x);
template <class T> Tensor<T> tanh(const Tensor<T>& x);
template <class T> Tensor<T> erf(const Tensor<T>& x);
template <class T> Tensor<T> sigmoid(const Tensor<T>& x);  // accurate in both tails
template <class T> Tensor<T> relu(const Tensor<T>& x);     // NaN stays NaN
// |x|, and the sign:
template <class T> Tensor<T> abs(const Tensor<T>& x);
template <class T> Tensor<T> sign(const Tensor<T>& x);     // -1, 0, 1
// 1 / x, x + c, c x, x^c, and x limited to [low, high].
template <class T> Tensor<T> reciprocal(const Tensor<T>& x);
template <class T> Tensor<T> add_scalar(const Tensor<T>& x, T c);
template <class T> Tensor<T> mul_scalar(const Tensor<T>& x, T c);
template <class T> Tensor<T> pow_scalar(const Tensor<T>& x, T c);
template <class T> Tensor<T> clip(const Tensor<T>& x, T low, T high);

// y += alpha x, both of the same shape; throws ShapeError.
template <class T> void axpy(T alpha, const Tensor<T>& x, Tensor<T>& y);

}  // namespace papillon
// clang-format on
