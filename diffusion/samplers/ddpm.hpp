// Ancestral sampling.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

// The states that z [N, D], at timesteps.front(), comes from at timesteps.back(). Ho et al. (2020),
// algorithm 2, over any descending list of steps. Uses variance, clip, random of the options.
template <class T>
Tensor<T> ddpm(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> z,
               const StepOptions& options = {});

}  // namespace papillon
