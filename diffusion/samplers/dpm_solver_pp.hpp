// Multistep DPM-Solver++ of order 2 (2M, midpoint) or 3 (3M): one evaluation a step.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

// Lu et al. (2022b), algorithm 2 (order 2) and its third-order form in the authors' code. The order
// falls to one where the history cannot carry more: at the start; in the step to the clean state;
// and where a step in lambda is very unlike the one before (largest_step_ratio), as around the last
// jump of the cosine schedule. Over long steps in lambda the third order falls to the second, and
// the second takes a part of the slope only: what was extrapolated overshot, and few steps were
// worse than DDIM's. z [N, D] at timesteps.front(); the result at timesteps.back().
template <class T>
Tensor<T> dpm_solver_pp(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                        Tensor<T> z, const StepOptions& options = {});

}  // namespace papillon
