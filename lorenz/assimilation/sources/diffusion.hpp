// Ensembles from a diffusion model: the run is noised part of the way and denoised again (Finn et
// al. 2024, section 5.3).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/method_options.hpp"
#include "papillon/tensor/registry.hpp"

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

// Which part of which reverse process an ensemble is made from.
struct ReverseProcessOptions {
  std::string model{};
  int steps = 100;
  std::optional<Spacing> spacing{};
  int start_step = 13;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("model", self.model,
          {"diffusion model (of posterior: its schedule and normalisation)", {}, Role::input});
    visit("steps", self.steps, {"of the whole reverse process", closed(1, 100'000)});
    visit("spacing", self.spacing,
          {"of its timesteps (default: uniform for ddpm and ddim, else log_snr)"});
    visit("start-step", self.start_step,
          {"steps from the end where a state is noised", closed(1, 100'000)});
  }
  // The model, and these options in a sampler's (whose sampler is set). Throws ArgumentError if
  // there is no model, or the steps do not suit it or each other.
  std::shared_ptr<const DiffusionModel> read(const MethodInputs& inputs,
                                             SamplerOptions& sampler) const;
};

// How an ensemble is denoised.
struct DenoisingOptions {
  DenoisingOptions();  // not inline: GCC 12 then warns of uninitialised members where it is used

  ReverseProcessOptions process{};
  Choice<Sampler()> sampler{samplers(), "sampler", "of the model", "ddpm"};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.process);
    visit(self.sampler);
  }
};
SourcePointer make_diffusion_source(const WithMembers<DenoisingOptions>& options,
                                    const MethodInputs& inputs);

}  // namespace papillon::inline assimilation
