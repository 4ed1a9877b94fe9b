// The gradient of a batch on the tape, in tiles over threads.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon {

template <class T>
class TapeGradient {
 public:
  // The loss of rows first ... first + n - 1, summed over them: a scalar.
  using TileLoss = std::function<Var<T>(std::size_t first, std::size_t n)>;

  // parameters: those of the network; threads share them, and nothing changes them meanwhile.
  // tile_rows: rows on one tape; lanes: a bound on the partial gradients. Throws ArgumentError if
  // one of them is 0.
  TapeGradient(std::vector<Var<T>> parameters, std::size_t tile_rows, std::size_t max_lanes = 16);

  // Returns the sum of the tiles' losses, and writes the gradient of `scale` times that sum: all
  // parameters, one after the other. Tiles go to lanes, whose gradients are added in their order:
  // the same bits for any number of threads. Throws ShapeError if the gradient has another size.
  double operator()(std::size_t rows, T scale, const TileLoss& loss, std::span<T> gradient);

  const std::vector<Var<T>>& parameters() const { return parameters_; }
  std::size_t size() const { return size_; }  // numbers of all parameters
  // Copies a flat array into the parameters.
  void set_parameters(std::span<const T> flat);

 private:
  std::vector<Var<T>> parameters_;
  std::size_t tile_rows_, max_lanes_, size_ = 0;
  Tensor<T> lane_gradient_;  // [lanes, size]
  std::vector<double> lane_loss_;
};

extern template class TapeGradient<float>;
extern template class TapeGradient<double>;

}  // namespace papillon
