// Draws states from a model: one call for all samplers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "papillon/diffusion/samplers/process.hpp"

namespace papillon {

enum class SamplerName { ddpm, ddim, dpm2m, dpm3m, heun };

std::string to_string(SamplerName name);
SamplerName parse_sampler(std::string_view name);  // throws ArgumentError

struct SamplerOptions : StepOptions {
  SamplerName sampler = SamplerName::dpm2m;
  int steps = 50;
  Spacing spacing = Spacing::log_snr;
  double rho = 7;                // of Spacing::karras
  std::vector<int> timesteps{};  // descending to 0; in place of steps and spacing, if not empty
};

// All of the options that its states depend on, but for the random numbers: for fingerprints and
// files.
std::string describe(const SamplerOptions& options);

// The list that the options ask for. Throws ArgumentError for one that does not descend to 0.
std::vector<int> sampler_timesteps(const NoiseSchedule& schedule, const SamplerOptions& options);

template <class T>
struct Samples {
  Tensor<T> states;
  int network_evaluations = 0;
};

// From noise to states [rows, dimension] (normalised, as the model's). Throws ArgumentError for
// options that make no sense together or for the model, NumericalError if a state is not finite.
template <class T>
Samples<T> sample(const DenoisingModel<T>& model, std::size_t rows, std::size_t dimension,
                  const SamplerOptions& options = {});

// The same from noised states z [N, D] at the first of these timesteps.
template <class T>
Samples<T> sample_from(const DenoisingModel<T>& model, Tensor<T> z,
                       const std::vector<int>& timesteps, const SamplerOptions& options);

}  // namespace papillon
