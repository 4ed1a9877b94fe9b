// Multistep DPM-Solver++ of order 2 (2M, midpoint) or 3 (3M): one evaluation a step.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

struct DpmSolverOptions {
  int order = 2;  // 1 (which is DDIM), 2 or 3
  // First order in the last step and at most second in the one before.
  bool lower_order_final = true;
  // First order also where a step in lambda is more than so many times the one before, or less than
  // that part of it: what is known of the states there says little of the step.
  double largest_step_ratio = 4;
  // Over long steps in lambda, only a part of the slope, and no third order. Without it the weights
  // are the published ones; few steps may then be worse than DDIM's.
  bool temper_long_steps = true;

  // Names of samplers choose the order; the rest is for comparisons with other programs.
  template <class Self, class Visit>
  static void options(Self&, Visit&&) {}
};

// Lu et al. (2022b), algorithm 2 (order 2) and its third-order form in the authors' code. The order
// falls to one where the history cannot carry more: at the start; in the step to the clean state;
// and where a step in lambda is very unlike the one before (largest_step_ratio), as around the last
// jump of the cosine schedule. Over long steps in lambda the third order falls to the second, and
// the second takes a part of the slope only: what was extrapolated overshot, and few steps were
// worse than DDIM's. start [N, D] at timesteps.front(); the result at timesteps.back(). Throws
// ArgumentError for another order, or a ratio below 1.
template <class T>
Tensor<T> dpm_solver_pp(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                        Tensor<T> start, const StepOptions& options = {},
                        const DpmSolverOptions& own = {});
// "dpm2m" for order 2, and so on.
Sampler dpm_solver_sampler(const DpmSolverOptions& own = {});

}  // namespace papillon
