// The ops on Var, one family a header. Each broadcasts like its namesake on tensors.
#pragma once

#include <cstdint>
#include <type_traits>

#include "papillon/autograd/gradient.hpp"
#include "papillon/autograd/var.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/reduce.hpp"

// A table, one op a line.
// clang-format off
namespace papillon {

// arithmetic.cpp
template <class T> Var<T> add(const Var<T>& a, const Var<T>& b);
template <class T> Var<T> sub(const Var<T>& a, const Var<T>& b);
template <class T> Var<T> mul(const Var<T>& a, const Var<T>& b);
template <class T> Var<T> div(const Var<T>& a, const Var<T>& b);
template <class T> Var<T> neg(const Var<T>& x);
template <class T> Var<T> pow(const Var<T>& x, std::type_identity_t<T> exponent);
template <class T> Var<T> pow(const Var<T>& x, const Var<T>& exponent);  // x > 0
template <class T> Var<T> maximum(const Var<T>& a, const Var<T>& b);     // ties: half to each
template <class T> Var<T> minimum(const Var<T>& a, const Var<T>& b);

// The same as operators, between Vars and with numbers.
template <class T> Var<T> operator+(const Var<T>& a, const Var<T>& b) { return add(a, b); }
template <class T> Var<T> operator-(const Var<T>& a, const Var<T>& b) { return sub(a, b); }
template <class T> Var<T> operator*(const Var<T>& a, const Var<T>& b) { return mul(a, b); }
template <class T> Var<T> operator/(const Var<T>& a, const Var<T>& b) { return div(a, b); }
template <class T> Var<T> operator-(const Var<T>& x) { return neg(x); }
template <class T> Var<T> operator+(const Var<T>& a, std::type_identity_t<T> c) { return add(a, Var<T>(c)); }
template <class T> Var<T> operator+(std::type_identity_t<T> c, const Var<T>& a) { return add(Var<T>(c), a); }
template <class T> Var<T> operator-(const Var<T>& a, std::type_identity_t<T> c) { return sub(a, Var<T>(c)); }
template <class T> Var<T> operator-(std::type_identity_t<T> c, const Var<T>& a) { return sub(Var<T>(c), a); }
template <class T> Var<T> operator*(const Var<T>& a, std::type_identity_t<T> c) { return mul(a, Var<T>(c)); }
template <class T> Var<T> operator*(std::type_identity_t<T> c, const Var<T>& a) { return mul(Var<T>(c), a); }
template <class T> Var<T> operator/(const Var<T>& a, std::type_identity_t<T> c) { return div(a, Var<T>(c)); }
template <class T> Var<T> operator/(std::type_identity_t<T> c, const Var<T>& a) { return div(Var<T>(c), a); }

// elementwise.cpp
template <class T> Var<T> exp(const Var<T>& x);
template <class T> Var<T> log(const Var<T>& x);
template <class T> Var<T> sqrt(const Var<T>& x);
template <class T> Var<T> sin(const Var<T>& x);
template <class T> Var<T> cos(const Var<T>& x);
template <class T> Var<T> tanh(const Var<T>& x);
template <class T> Var<T> erf(const Var<T>& x);
template <class T> Var<T> abs(const Var<T>& x);            // derivative 0 at 0
template <class T> Var<T> clip(const Var<T>& x, std::type_identity_t<T> low, std::type_identity_t<T> high);  // derivative 1 at the ends

// activations.cpp
template <class T> Var<T> sigmoid(const Var<T>& x);
template <class T> Var<T> relu(const Var<T>& x);           // derivative 0 at 0
template <class T> Var<T> silu(const Var<T>& x);
template <class T> Var<T> gelu(const Var<T>& x);           // x Φ(x), the exact form

// products.cpp
template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transpose ta = Transpose::no,
              Transpose tb = Transpose::no);

// reductions.cpp
template <class T> Var<T> sum(const Var<T>& x, const Axes& axes = {}, bool keep_axes = false);
template <class T> Var<T> mean(const Var<T>& x, const Axes& axes = {}, bool keep_axes = false);
template <class T> Var<T> log_sum_exp(const Var<T>& x, std::ptrdiff_t axis, bool keep_axes = false);
template <class T> Var<T> softmax(const Var<T>& x, std::ptrdiff_t axis);

// shapes.cpp
template <class T> Var<T> reshape(const Var<T>& x, const std::vector<std::ptrdiff_t>& shape);
template <class T> Var<T> transpose(const Var<T>& x, const std::vector<std::size_t>& axes = {});
template <class T> Var<T> broadcast_to(const Var<T>& x, const Shape& shape);
template <class T> Var<T> sum_to(const Var<T>& x, const Shape& shape);
template <class T> Var<T> concatenate(const std::vector<Var<T>>& parts, std::ptrdiff_t axis);
template <class T> Var<T> slice(const Var<T>& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end);
template <class T> Var<T> gather_rows(const Var<T>& x, const std::vector<std::int64_t>& indices);
// The adjoint of gather_rows: rows of zeros with x[i] added to row indices[i].
template <class T> Var<T> scatter_add_rows(const Var<T>& x, const std::vector<std::int64_t>& indices, std::size_t rows);

// normalisation.cpp
template <class T> Var<T> layer_norm(const Var<T>& x, std::type_identity_t<T> eps = T(1e-5));  // over the last axis
// losses.cpp: of equal shapes (broadcasting [n] against [n, 1] is mostly a bug)
template <class T> Var<T> mse_loss(const Var<T>& prediction, const Var<T>& target);  // mean
template <class T> Var<T> mae_loss(const Var<T>& prediction, const Var<T>& target);  // mean

}  // namespace papillon
// clang-format on
