// Products of many rows with the same weights in which a row's result depends on that row alone, to
// the last bit: not on how many other rows there are, where it stands among them, or on threads.
// BLAS promises nothing of the kind: OpenBLAS takes other kernels for small products, and on some
// processors (Haswell, Zen) treats the first of twelve rows otherwise than the second.
#pragma once

#include <cstddef>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// The weights W [outputs, inputs] of y = x W^T, copied into the order in which the products read
// them. Once set it may be used from several threads at once.
//
// Each number y_ij is one chain of multiply-adds over k = 0, 1, ..., begun at 0 (or at y_ij), and
// every path through the code keeps to it: wider registers take more rows and columns at a time,
// not other sums. So the bits are also those of any other processor with fused multiply-add.
template <class T>
class RowWeights {
 public:
  RowWeights() = default;
  // Rows of w are ld apart. Throws ArgumentError if ld is below inputs.
  void set(std::size_t outputs, std::size_t inputs, const T* w, std::size_t ld);

  // The shape of W.
  std::size_t outputs() const { return outputs_; }
  std::size_t inputs() const { return inputs_; }

  // y = x W^T, or y += x W^T with add, of rows ldx and ldy apart; on the calling thread.
  void product(std::size_t rows, const T* x, std::size_t ldx, T* y, std::size_t ldy,
               bool add = false) const;

 private:
  std::size_t outputs_ = 0, inputs_ = 0;
  Tensor<T> panels_;  // [outputs / width, inputs, width], zeros beyond the last output
};

// Of a matrix W [outputs, inputs]. Throws ShapeError.
template <class T>
RowWeights<T> row_weights(const Tensor<T>& w);

// x W^T for x [N, inputs], over threads. Throws ShapeError.
template <class T>
Tensor<T> row_products(const Tensor<T>& x, const RowWeights<T>& weights);

extern template class RowWeights<float>;
extern template class RowWeights<double>;

}  // namespace papillon
