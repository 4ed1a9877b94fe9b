// Heun's method on the probability-flow ODE: second order, two evaluations a step.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"
#include "papillon/tensor/registry.hpp"

namespace papillon {

// Euler's step (which is DDIM), and then a trapezoid with the prediction at its end. Karras et al.
// (2022), algorithm 1, take the trapezoid of the noise in sigma / alpha; here it is that of the
// predicted state in lambda, in the exact solution of the linear part (Lu et al. 2022b, eq. 8; the
// second-order exponential integrator with nodes 0 and 1 of Hochbruck and Ostermann 2005):
//
//   z_to = (sigma_to / sigma_from) z + alpha_to ((1 - e^-h) x_0 + (1 - (1 - e^-h) / h) (x_1 -
//   x_0)),
//
// h the step in lambda, x_0 and x_1 the states predicted at both ends. Both are of second order,
// but over a long step sigma / alpha falls by a factor, and the noise bends where the line does
// not: six steps spaced in log-SNR gave 6 times the variance of Gaussian data. A state between two
// predicted states is never far off, however long the step. Euler's step alone where h is infinite:
// to the clean state, and from noise without signal. start [N, D] at timesteps.front(); the result
// at timesteps.back(); 2 (steps) - 1 evaluations down to 0.
template <class T>
Tensor<T> heun(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options = {});
Sampler heun_sampler(const NoOptions& = {});

}  // namespace papillon
