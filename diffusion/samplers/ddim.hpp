// Denoising diffusion implicit models, deterministic or not.
#pragma once

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

struct DdimOptions {
  double eta = 0;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("eta", self.eta, {"noise: 0 none, 1 as much as ddpm", closed(0, 1)});
  }
};

// Song et al. (2021a), eq. 12: first order in the steps if eta is 0, ancestral sampling if it is 1.
// start [N, D] at timesteps.front(); the result at timesteps.back(). Throws ArgumentError for
// another eta.
template <class T>
Tensor<T> ddim(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options = {}, const DdimOptions& own = {});
Sampler ddim_sampler(const DdimOptions& own = {});

}  // namespace papillon
