// Ensembles from a diffusion model: the run is noised part of the way and denoised again (Finn et
// al. 2024, section 5.3).
#pragma once

#include <vector>

#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/lorenz/assimilation/ensemble_source.hpp"

namespace papillon::inline assimilation {

struct DiffusionSourceOptions {
  int members = 50;
  int start_step = 13;  // counted from the end of the sampler's list; also the evaluations it takes
  SamplerOptions sampler{};  // its random numbers and first_row are set by the source
};

// The paper's: DDPM of 100 steps, uniform in t.
SamplerOptions paper_sampler();

// Normalises with shift and scale [D], noises each state `members` times at the start step,
// denoises all of them in one batch. Throws ArgumentError for a start step that the list does not
// have.
SourcePointer diffusion_source(const DenoisingModel<float>& model, std::vector<double> shift,
                               std::vector<double> scale, const DiffusionSourceOptions& options);
SourcePointer diffusion_source(const DiffusionModel& model, const DiffusionSourceOptions& options);

}  // namespace papillon::inline assimilation
