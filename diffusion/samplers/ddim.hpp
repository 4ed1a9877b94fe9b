// Denoising diffusion implicit models, deterministic or not.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

// Song et al. (2021a), eq. 12: first order in the steps if eta is 0, ancestral sampling if it is 1.
// z [N, D] at timesteps.front(); the result at timesteps.back().
template <class T>
Tensor<T> ddim(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> z,
               const StepOptions& options = {});

}  // namespace papillon
