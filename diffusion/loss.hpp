// Weights of the denoising loss, and the loss itself.
#pragma once

#include "papillon/autograd/ops.hpp"
#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/nn/time_embedding.hpp"

namespace papillon {

// The min-SNR-gamma weight of a head's squared error at signal alpha and noise sigma, with
// SNR = (alpha / sigma)^2: min(SNR, gamma) times what turns the head's error into that of the state
// (Hang et al. 2023, "Efficient diffusion training via min-SNR weighting strategy", section 3.4).
double min_snr_weight(Head head, double alpha, double sigma, double gamma);

// Noised states z and what the head should predict, both [N, D], of states x [N, D], noise [N, D]
// and one timestep a row. Throws ShapeError.
template <class T>
struct NoisedStates {
  Tensor<T> z, target;
};
template <class T>
NoisedStates<T> noise_states(const NoiseSchedule& schedule, Head head, const Tensor<T>& x,
                             const Tensor<T>& noise, const Timesteps& timesteps);

// The loss as the paper writes it: the mean of (prediction - target)^2 on the tape, for any network
// of (x, timesteps). The trainer computes the same in tiles; a test holds them equal.
template <class T, class Network>
Var<T> denoising_loss(const Network& network, const NoiseSchedule& schedule, Head head,
                      const Tensor<T>& x, const Tensor<T>& noise, const Timesteps& timesteps) {
  NoisedStates<T> noised = noise_states(schedule, head, x, noise, timesteps);
  return mse_loss(network(Var<T>(std::move(noised.z)), timesteps),
                  Var<T>(std::move(noised.target)));
}

}  // namespace papillon
