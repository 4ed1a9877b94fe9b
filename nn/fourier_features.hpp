// Random Fourier features (Rahimi and Recht 2007).
#pragma once

#include <cstdint>

#include "papillon/autograd/var.hpp"

namespace papillon {

struct FourierOptions {
  std::size_t count = 256;
  double width = 1;  // standard deviation of the frequencies, per unit of the state
  std::uint64_t seed = 0;
};

// sqrt(2/count) [sin, cos](2 pi x W), W ~ N(0, width^2) of shape [dimension, count / 2].
class FourierFeatures {
 public:
  // Throws ArgumentError unless count is even and positive, and width positive.
  FourierFeatures(std::size_t dimension, const FourierOptions& options);

  std::size_t dimension() const { return frequencies_.extent(0); }
  std::size_t size() const { return 2 * frequencies_.extent(1); }

  // Row i of the features of states [n, D] goes to out + i ld. On the calling thread.
  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const;
  // Features [N, count] of states [N, D], over threads.
  Tensor<double> operator()(const Tensor<float>& states) const;
  // The same as graphs.
  Var<float> operator()(const Var<float>& x) const;
  Var<double> operator()(const Var<double>& x) const;

 private:
  Tensor<double> frequencies_;  // [D, count / 2]
  Tensor<float> single_;
};

}  // namespace papillon
