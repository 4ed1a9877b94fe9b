// A trained diffusion model: network, schedule, head and normalisation, as one file.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "papillon/diffusion/denoiser.hpp"
#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/network.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/nn/normalisation.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {

struct DiffusionModel {
  Network network;
  NoiseSchedule schedule;
  Head head;
  Normalisation normalisation;                  // of the states that the network sees
  std::map<std::string, std::string> training;  // how it was made; free text, kept in the file
};

// safetensors with the network's tensor names (for the paper's network, the reference
// implementation's); architecture, schedule, head, normalisation and `training` in __metadata__.
// Throws OutputError.
void save_model(const std::filesystem::path& path, const DiffusionModel& model);
// Throws InputError: a malformed file, missing or misshapen tensors, missing metadata; and
// UnknownArchitecture for a network that was not registered (diffusion/network.hpp).
DiffusionModel load_model(const std::filesystem::path& path);

// The network of the model, threaded, over copies of its weights. Calls on one denoiser from
// several threads take turns.
Denoiser<float> make_denoiser(const DiffusionModel& model);

// The values before the output head, [n, H times the number of timesteps], one group of H a
// timestep, for normalised states [n, D] (paper, section 3.2). Timestep 0 is allowed.
Tensor<float> features(const DiffusionModel& model, const Tensor<float>& states,
                       std::span<const int> timesteps);

}  // namespace papillon
