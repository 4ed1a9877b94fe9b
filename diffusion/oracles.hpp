// Exact denoisers: what a perfect network would predict for data whose density is known. Samplers
// are tested against them, and a trained network can be compared with them.
#pragma once

#include <vector>

#include "papillon/diffusion/denoiser.hpp"

namespace papillon {

// Data from N(mean, diag(variance)): D numbers each, variances positive.
template <class T>
DenoisingModel<T> gaussian_oracle(const std::vector<double>& mean,
                                  const std::vector<double>& variance,
                                  const NoiseSchedule& schedule, Head head);

// Data from N(mean, covariance) with covariance [D, D], symmetric and positive definite. Throws
// ShapeError and ArgumentError.
template <class T>
DenoisingModel<T> gaussian_oracle(const std::vector<double>& mean, const Tensor<double>& covariance,
                                  const NoiseSchedule& schedule, Head head);

// Data from a kernel density: N(x_i, bandwidth^2) around each of the states x_i [M, D]; bandwidth 0
// for the states themselves. Each call costs N x M distances; threaded.
template <class T>
DenoisingModel<T> kernel_density_oracle(const Tensor<T>& states, double bandwidth,
                                        const NoiseSchedule& schedule, Head head);

}  // namespace papillon
