// Draws states from a model: one call for all samplers, and those that are chosen by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "papillon/diffusion/samplers/ddim.hpp"
#include "papillon/diffusion/samplers/ddpm.hpp"
#include "papillon/diffusion/samplers/dpm_solver_pp.hpp"
#include "papillon/diffusion/samplers/heun.hpp"
#include "papillon/tensor/registry.hpp"

namespace papillon {

struct SamplerOptions : StepOptions {
  SamplerOptions();  // not inline: GCC 12 then warns of uninitialised members where it is used

  Sampler sampler = dpm_solver_sampler();
  int steps = 50;
  std::optional<Spacing> spacing{};  // default: the sampler's
  double rho = 7;                    // of Spacing::karras
  std::vector<int> timesteps{};      // descending to 0; in place of steps and spacing, if not empty
};

// All of the options that its states depend on, but for the random numbers: for fingerprints and
// files.
std::string describe(const SamplerOptions& options);

// The list that the options ask for. Throws ArgumentError for one that does not descend to 0.
std::vector<int> sampler_timesteps(const NoiseSchedule& schedule, const SamplerOptions& options);

using SamplerRegistry = Registry<Sampler()>;
// Those of the library. To add one: its file, and a line in sampler.cpp; or add() to a copy.
const SamplerRegistry& samplers();

// A sampler and its timesteps as programs choose them.
struct SamplerChoice {
  Choice<Sampler()> sampler{samplers(), "sampler", "how states are drawn", "dpm2m"};
  int steps = 50;
  std::string spacing = "auto";
  double rho = 7;
  double clip = 0;

  SamplerOptions make() const;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.sampler);
    visit("steps", self.steps,
          {"of the whole reverse process, at most those of the model", closed(1, 100'000)});
    visit("spacing", self.spacing,
          {"of its timesteps; auto: uniform for ddpm and ddim, else log_snr",
           {},
           {},
           {"auto", "uniform", "leading", "trailing", "log_snr", "karras"}});
    visit("rho", self.rho, {"exponent", closed(0.1, 100)},
          Use{"--spacing karras", [&self] { return self.spacing == "karras"; }});
    visit("clip", self.clip, {"largest predicted normalised state; 0: any", closed(0, 1e6)});
  }
};

template <class T>
struct Samples {
  Tensor<T> states;
  int network_evaluations = 0;
};

// From noise to states [rows, dimension] (normalised, as the model's). Throws ArgumentError for
// options that do not fit the model, NumericalError if a state is not finite.
template <class T>
Samples<T> sample(const DenoisingModel<T>& model, std::size_t rows, std::size_t dimension,
                  const SamplerOptions& options = {});

// The same from noised states z [N, D] at the first of these timesteps.
template <class T>
Samples<T> sample_from(const DenoisingModel<T>& model, Tensor<T> z,
                       const std::vector<int>& timesteps, const SamplerOptions& options);

}  // namespace papillon
