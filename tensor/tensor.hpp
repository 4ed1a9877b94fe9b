// Tensor<T>: a row-major array of float or double, always evaluated, with value semantics.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "papillon/tensor/allocator.hpp"
#include "papillon/tensor/shape.hpp"

namespace papillon {

// Copies copy the elements; moves are cheap. The elements lie in one block aligned to 64 bytes.
// No lazy expression ever leaves a function of this library: all results are Tensors.
template <class T>
class Tensor {
 public:
  using value_type = T;
  // The xtensor container underneath: any xtensor expression works on array().
  using Array = xt::xarray<T, xt::layout_type::row_major, RecyclingAllocator<T>>;

  // A tensor without elements, shape [0].
  Tensor();
  // Elements are not initialised.
  explicit Tensor(const Shape& shape);
  // Elements in row-major order; throws ShapeError if their number does not fit the shape.
  Tensor(const Shape& shape, std::span<const T> elements);
  Tensor(const Shape& shape, std::initializer_list<T> elements);
  // Takes over an xtensor array. (No constructor: Tensor({n, d}) would be ambiguous with it.)
  static Tensor from_array(Array array);

  // Elements that are all 0, 1 or a value.
  static Tensor zeros(const Shape& shape);
  static Tensor ones(const Shape& shape);
  static Tensor full(const Shape& shape, T value);
  static Tensor scalar(T value);  // shape []
  // A vector, shape [n].
  static Tensor vector(std::initializer_list<T> elements);
  // A matrix from its rows; throws ShapeError if they differ in length.
  static Tensor matrix(std::initializer_list<std::initializer_list<T>> rows);

  // Extents, number of axes, number of elements, and whether there are none.
  const Shape& shape() const { return array_.shape(); }
  std::size_t rank() const { return array_.shape().size(); }
  std::size_t size() const { return array_.size(); }
  bool empty() const { return size() == 0; }
  // The extent of an axis, from the front (0 ...) or from the back (-1 ...).
  std::size_t extent(std::ptrdiff_t axis) const;

  // Elements in row-major order.
  T* data() { return array_.data(); }
  const T* data() const { return array_.data(); }
  std::span<T> span() { return {data(), size()}; }
  std::span<const T> span() const { return {data(), size()}; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }

  // Element access without a check of bounds: of the flat array, of a matrix.
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  T& operator()(std::size_t i, std::size_t j) { return data()[i * shape().back() + j]; }
  const T& operator()(std::size_t i, std::size_t j) const { return data()[i * shape().back() + j]; }
  // The only element; throws ShapeError if there is not exactly one.
  T item() const;

  // Sets all elements.
  void fill(T value);
  // The same elements with another shape (-1: what is left); throws ShapeError if they do not fit.
  Tensor reshaped(const std::vector<std::ptrdiff_t>& extents) const&;
  Tensor reshaped(const std::vector<std::ptrdiff_t>& extents) &&;
  // Makes the tensor that shape; keeps its block where the number of elements is the same, and the
  // elements are unspecified otherwise.
  void resize(const Shape& new_shape);

  // The container, for xtensor's functions.
  Array& array() { return array_; }
  const Array& array() const { return array_; }

 private:
  Array array_;
};

// The same numbers in another precision.
template <class To, class From>
Tensor<To> cast(const Tensor<From>& tensor);

// Same shape and the same bits (so NaN equals NaN).
template <class T>
bool identical(const Tensor<T>& a, const Tensor<T>& b);

// The largest |a - b|, or NaN if there is one; throws ShapeError if the shapes differ.
template <class T>
T max_abs_difference(const Tensor<T>& a, const Tensor<T>& b);

// Neither infinity nor NaN.
template <class T>
bool all_finite(const Tensor<T>& tensor);

extern template class Tensor<float>;
extern template class Tensor<double>;

}  // namespace papillon
