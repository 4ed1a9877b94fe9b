// Functions that move elements and compute nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// Permutes the axes; {} reverses them.
template <class T>
Tensor<T> transpose(const Tensor<T>& x, const std::vector<std::size_t>& axes = {});
// Joins along an axis; all other extents must agree.
template <class T>
Tensor<T> concatenate(const std::vector<Tensor<T>>& parts, std::ptrdiff_t axis);
// Elements begin <= i < end along an axis; throws ShapeError outside the extent.
template <class T>
Tensor<T> slice(const Tensor<T>& x, std::ptrdiff_t axis, std::size_t begin, std::size_t end);
// Adds part to that slice of x.
template <class T>
void slice_add(Tensor<T>& x, std::ptrdiff_t axis, std::size_t begin, const Tensor<T>& part);
// Rows (entries of the first axis) at these indices; throws ShapeError for an index out of range.
template <class T>
Tensor<T> gather_rows(const Tensor<T>& x, std::span<const std::int64_t> indices);
// y[indices[i]] += x[i], in the order of i; y has shape [rows, ...].
template <class T>
void scatter_add_rows(Tensor<T>& y, std::span<const std::int64_t> indices, const Tensor<T>& x);

}  // namespace papillon
