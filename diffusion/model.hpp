// A trained diffusion model: network, schedule, head and normalisation, as one file.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "papillon/diffusion/denoiser.hpp"
#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/nn/fused/layout.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {

struct DiffusionModel {
  ResidualFilmMlp<float> network;
  NoiseSchedule schedule;
  Head head;
  std::vector<double> shift, scale;             // the network sees (state - shift) / scale
  std::map<std::string, std::string> training;  // how it was made; free text, kept in the file
};

// safetensors with the reference implementation's tensor names; schedule, head, normalisation and
// `training` in __metadata__. Throws OutputError.
void save_model(const std::filesystem::path& path, const DiffusionModel& model);
// Throws InputError: a malformed file, missing or misshapen tensors, missing metadata.
DiffusionModel load_model(const std::filesystem::path& path);

// The network of the model, fused and threaded, over copies of its weights. Calls on one denoiser
// from several threads take turns.
Denoiser<float> make_denoiser(const DiffusionModel& model);

// The values before the output head, [n, H times the number of timesteps], one group of H a
// timestep, for normalised states [n, D] (paper, section 3.2). Timestep 0 is allowed.
Tensor<float> features(const DiffusionModel& model, const Tensor<float>& states,
                       std::span<const int> timesteps);

// (state - shift) / scale and back, for [..., D] in place.
void normalise(Tensor<float>& states, std::span<const double> shift, std::span<const double> scale);
void denormalise(Tensor<float>& states, std::span<const double> shift,
                 std::span<const double> scale);

// What the trainer shares with this file.
Tensor<float> initial_parameters(const fused::Layout& layout, std::uint64_t seed);
DiffusionModel make_model(const fused::Layout& layout, std::span<const float> parameters,
                          const NoiseSchedule& schedule, Head head, std::vector<double> shift,
                          std::vector<double> scale);
// Throws ArgumentError (shift and scale do not fit) or InputError (shape, NaN; names the row).
void check_states(const Tensor<float>& states, std::span<const double> shift,
                  std::span<const double> scale, const char* what);

inline void normalise_row(const float* state, std::span<const double> shift,
                          std::span<const double> scale, float* out) {
  for (std::size_t j = 0; j < shift.size(); ++j)
    out[j] = static_cast<float>((static_cast<double>(state[j]) - shift[j]) / scale[j]);
}

}  // namespace papillon
