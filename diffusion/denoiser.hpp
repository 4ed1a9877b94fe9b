// A denoiser: anything that predicts from noised states. Networks and exact oracles are both.
#pragma once

#include <functional>

#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon {

// From z [N, D], all rows at step t, to what the head predicts, [N, D].
template <class T>
using Denoiser = std::function<Tensor<T>(const Tensor<T>& z, int t)>;

// All that a sampler needs to know of a model.
template <class T>
struct DenoisingModel {
  Denoiser<T> denoiser;
  NoiseSchedule schedule;
  Head head;
};

}  // namespace papillon
