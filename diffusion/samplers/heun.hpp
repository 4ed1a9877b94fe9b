// Heun's method on the probability-flow ODE: second order, two evaluations a step.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

// Karras et al. (2022), algorithm 1, in their variables z / alpha and sigma / alpha. Euler's step
// alone (which is DDIM) to the clean state, and over a jump in lambda of more than 3, where the
// line between its ends says nothing of what lies between. z [N, D] at timesteps.front(); the
// result at timesteps.back(); 2 (steps) - 1 evaluations down to 0.
template <class T>
Tensor<T> heun(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> z,
               const StepOptions& options = {});

}  // namespace papillon
