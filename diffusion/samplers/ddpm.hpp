// Ancestral sampling.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

// Ho et al. (2020), section 3.2: the variance of the posterior given the state (right for a single
// point), or beta itself (right for N(0, 1)).
enum class DdpmVariance { fixed_small, fixed_large };
constexpr auto enum_names(DdpmVariance) {
  return std::array{"small", "large"};
}

struct DdpmOptions {
  DdpmVariance variance = DdpmVariance::fixed_small;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("variance", self.variance,
          {"of each step: small is right for a point, large for N(0, 1)"});
  }
};

// The states that z [N, D], at timesteps.front(), comes from at timesteps.back(). Ho et al. (2020),
// algorithm 2, over any descending list of steps.
template <class T>
Tensor<T> ddpm(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options = {}, const DdpmOptions& own = {});
Sampler ddpm_sampler(const DdpmOptions& own = {});

}  // namespace papillon
