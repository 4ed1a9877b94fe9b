// Views of matrices in row-major order, which somebody else owns.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// An ensemble [members, D], say, or observations of it [members, P].
template <class T>
struct RowView {
  T* data = nullptr;
  std::size_t count = 0, width = 0;

  // Row i, the number of elements, all elements, and row i as a span.
  T* operator[](std::size_t row) const { return data + row * width; }
  std::size_t size() const { return count * width; }
  std::span<T> values() const { return {data, size()}; }  // of all rows
  std::span<T> row(std::size_t i) const { return values().subspan(i * width, width); }
  // Rows first ... first + n - 1.
  RowView rows(std::size_t first, std::size_t n) const { return {data + first * width, n, width}; }
  operator RowView<const T>() const requires(!std::is_const_v<T>) { return {data, count, width}; }
};
// Rows that a function writes, and rows that it reads.
using Rows = RowView<double>;
using ConstRows = RowView<const double>;

namespace detail {
inline void check_rank(const Shape& shape, std::size_t rank) {
  if (shape.size() != rank)
    throw ShapeError("rows_of: shape is " + to_string(shape) + "; must have " +
                     std::to_string(rank) + " axes");
}
}  // namespace detail

// The rows of a matrix, and those of matrix k of a stack [n, rows, width]. Throw ShapeError for a
// tensor of another rank.
template <class T>
RowView<T> rows_of(Tensor<T>& matrix) {
  detail::check_rank(matrix.shape(), 2);
  return {matrix.data(), matrix.extent(0), matrix.extent(1)};
}
template <class T>
RowView<const T> rows_of(const Tensor<T>& matrix) {
  detail::check_rank(matrix.shape(), 2);
  return {matrix.data(), matrix.extent(0), matrix.extent(1)};
}
template <class T>
RowView<T> rows_of(Tensor<T>& stack, std::size_t k) {
  detail::check_rank(stack.shape(), 3);
  return {stack.data() + k * stack.extent(1) * stack.extent(2), stack.extent(1), stack.extent(2)};
}
template <class T>
RowView<const T> rows_of(const Tensor<T>& stack, std::size_t k) {
  detail::check_rank(stack.shape(), 3);
  return {stack.data() + k * stack.extent(1) * stack.extent(2), stack.extent(1), stack.extent(2)};
}

}  // namespace papillon
