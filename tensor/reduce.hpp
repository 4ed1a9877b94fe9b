// Reductions and their inverse, broadcasting. Sums are pairwise over blocks: the rounding error
// grows with the logarithm of the length.
#pragma once

#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

using Axes = std::vector<std::ptrdiff_t>;  // negative ones count from the back; {} means all axes

// Over the axes, which are removed, or kept with extent 1. Throw ShapeError for an axis that is
// missing or named twice.
template <class T>
Tensor<T> sum(const Tensor<T>& x, const Axes& axes = {}, bool keep_axes = false);
template <class T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes = {}, bool keep_axes = false);
template <class T>
Tensor<T> max(const Tensor<T>& x, const Axes& axes = {}, bool keep_axes = false);

// Repeats x along its axes of extent 1 and new leading axes; throws ShapeError if it does not fit.
template <class T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape);
// The adjoint of broadcast_to: sums x over the axes that shape lacks or has with extent 1.
template <class T>
Tensor<T> sum_to(const Tensor<T>& x, const Shape& shape);

}  // namespace papillon
