#include "papillon/tensor/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace papillon {
namespace {

Shape resolve(const std::vector<std::ptrdiff_t>& wanted, const Shape& from, std::size_t size) {
  Shape shape(wanted.size());
  std::ptrdiff_t open = -1;
  std::size_t known = 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1 && open < 0) {
      open = static_cast<std::ptrdiff_t>(i);
    } else if (wanted[i] < 0) {
      throw ShapeError(fmt::format("reshape: extent {} (only one may be -1)", wanted[i]));
    } else {
      shape[i] = static_cast<std::size_t>(wanted[i]);
      known *= shape[i];
    }
  }
  if (open >= 0) shape[static_cast<std::size_t>(open)] = known == 0 ? 0 : size / known;
  if (element_count(shape) != size)
    throw_shape_error("reshape", from, shape, "have different numbers of elements");
  return shape;
}

}  // namespace

template <class T>
Tensor<T>::Tensor() : Tensor(Shape{0}) {}

template <class T>
Tensor<T>::Tensor(const Shape& shape) : array_((element_count(shape), shape)) {}

template <class T>
Tensor<T>::Tensor(const Shape& shape, std::span<const T> elements) : Tensor(shape) {
  if (elements.size() != size())
    throw ShapeError(fmt::format("Tensor: {} elements for shape {}, which has {}", elements.size(),
                                 to_string(shape), size()));
  std::copy(elements.begin(), elements.end(), data());
}

template <class T>
Tensor<T>::Tensor(const Shape& shape, std::initializer_list<T> elements)
    : Tensor(shape, std::span<const T>(elements.begin(), elements.size())) {}

template <class T>
Tensor<T> Tensor<T>::from_array(Array array) {
  Tensor t;
  t.array_ = std::move(array);
  return t;
}

template <class T>
Tensor<T> Tensor<T>::zeros(const Shape& shape) {
  return full(shape, T(0));
}

template <class T>
Tensor<T> Tensor<T>::ones(const Shape& shape) {
  return full(shape, T(1));
}

template <class T>
Tensor<T> Tensor<T>::full(const Shape& shape, T value) {
  Tensor t(shape);
  t.fill(value);
  return t;
}

template <class T>
Tensor<T> Tensor<T>::scalar(T value) {
  return full(Shape{}, value);
}

template <class T>
Tensor<T> Tensor<T>::vector(std::initializer_list<T> elements) {
  return Tensor(Shape{elements.size()}, elements);
}

template <class T>
Tensor<T> Tensor<T>::matrix(std::initializer_list<std::initializer_list<T>> rows) {
  const std::size_t columns = rows.size() == 0 ? 0 : rows.begin()->size();
  Tensor t(Shape{rows.size(), columns});
  T* out = t.data();
  for (const auto& row : rows) {
    if (row.size() != columns)
      throw ShapeError(fmt::format("matrix: rows of {} and {} elements", columns, row.size()));
    out = std::copy(row.begin(), row.end(), out);
  }
  return t;
}

template <class T>
std::size_t Tensor<T>::extent(std::ptrdiff_t axis) const {
  return shape()[normalise_axis(axis, rank(), "extent")];
}

template <class T>
T Tensor<T>::item() const {
  if (size() != 1) throw ShapeError("item: shape " + to_string(shape()) + " is not one element");
  return data()[0];
}

template <class T>
void Tensor<T>::fill(T value) {
  std::fill(begin(), end(), value);
}

template <class T>
Tensor<T> Tensor<T>::reshaped(const std::vector<std::ptrdiff_t>& extents) const& {
  return Tensor(*this).reshaped(extents);
}

template <class T>
Tensor<T> Tensor<T>::reshaped(const std::vector<std::ptrdiff_t>& extents) && {
  const Shape to = resolve(extents, shape(), size());
  Tensor result = from_array(std::move(array_));
  result.array_.reshape(to);
  array_ = Array(Shape{0});
  return result;
}

template <class T>
void Tensor<T>::resize(const Shape& new_shape) {
  if (shape() == new_shape) return;
  element_count(new_shape);
  array_.resize(new_shape);
}

template <class To, class From>
Tensor<To> cast(const Tensor<From>& tensor) {
  Tensor<To> result(tensor.shape());
  std::transform(tensor.begin(), tensor.end(), result.begin(),
                 [](From x) { return static_cast<To>(x); });
  return result;
}

template <class T>
bool identical(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
T max_abs_difference(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.shape() != b.shape())
    throw_shape_error("max_abs_difference", a.shape(), b.shape(), "differ");
  T worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const T d = std::abs(a[i] - b[i]);
    if (std::isnan(d) && a[i] != b[i]) return d;
    if (d > worst) worst = d;
  }
  return worst;
}

template <class T>
bool all_finite(const Tensor<T>& tensor) {
  // x · 0 is 0, or NaN for an infinity and NaN. In lanes, which the compiler makes vectors of.
  constexpr std::size_t lanes = 16, block = 64 * lanes;
  const T* x = tensor.data();
  std::size_t i = 0;
  while (i + lanes <= tensor.size()) {
    T zeros[lanes] = {};
    for (const std::size_t end = i + block; i < end && i + lanes <= tensor.size(); i += lanes)
      for (std::size_t l = 0; l < lanes; ++l) zeros[l] += x[i + l] * 0;
    for (const T zero : zeros)
      if (zero != 0) return false;
  }
  for (; i < tensor.size(); ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

template class Tensor<float>;
template class Tensor<double>;
template Tensor<float> cast(const Tensor<float>&);
template Tensor<float> cast(const Tensor<double>&);
template Tensor<double> cast(const Tensor<float>&);
template Tensor<double> cast(const Tensor<double>&);
template bool identical(const Tensor<float>&, const Tensor<float>&);
template bool identical(const Tensor<double>&, const Tensor<double>&);
template float max_abs_difference(const Tensor<float>&, const Tensor<float>&);
template double max_abs_difference(const Tensor<double>&, const Tensor<double>&);
template bool all_finite(const Tensor<float>&);
template bool all_finite(const Tensor<double>&);

}  // namespace papillon
