// Ensembles from the neighbourhood of given states (part of the way into noise and back), and the
// latents of given states.
#pragma once

#include "papillon/diffusion/sampler.hpp"

namespace papillon {

// z_t = alpha_t x + sigma_t e for states x [N, D], with the noise of step t of the options.
template <class T>
Tensor<T> diffuse(const NoiseSchedule& schedule, const Tensor<T>& states, int t,
                  const StepOptions& options);

// Ensembles [members, N, D] from states [N, D]: each state noised `members` times at the step that
// is start_step steps before the end of the sampler's list, and denoised from exactly there. More
// steps, more spread (Finn et al. 2024, section 5.3). Members of state n have rows
// (first_row + n) * members + m of the noise. Throws ArgumentError unless members >= 1 and
// 1 <= start_step <= steps.
template <class T>
Samples<T> diffuse_and_denoise(const DenoisingModel<T>& model, const Tensor<T>& states, int members,
                               int start_step, const SamplerOptions& options);

// The latents at timesteps.front() from which deterministic DDIM over the same list leads to these
// states [N, D] at timesteps.back(): DDIM's ODE walked upwards (Song et al. 2021a, section 4.3),
// first order in the steps. Each refinement solves a step again with the noise predicted where it
// arrived (Pan et al. 2023), and the way back becomes exact, by a factor of about 1 - exp(-h) each
// where h is the step in lambda: space the steps in log-SNR to make use of it.
template <class T>
Tensor<T> ddim_inversion(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                         Tensor<T> states, int refinements = 0);

}  // namespace papillon
