// Weights of the denoising loss, and the loss in its clear reading.
#pragma once

#include "papillon/autograd/ops.hpp"
#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {

// The min-SNR-gamma weight of a head's squared error at signal alpha and noise sigma, with
// SNR = (alpha / sigma)^2: min(SNR, gamma) times what turns the head's error into that of the state
// (Hang et al. 2023, "Efficient diffusion training via min-SNR weighting strategy", section 3.4).
double min_snr_weight(Head head, double alpha, double sigma, double gamma);

// The loss as the paper writes it: the mean of (prediction - target)^2 for states x [N, D], noise
// [N, D] and one timestep a row, through the module and the tape. The trainer computes the same
// with nn/fused; a test holds them equal.
template <class T>
Var<T> denoising_loss(const ResidualFilmMlp<T>& network, const NoiseSchedule& schedule, Head head,
                      const Tensor<T>& x, const Tensor<T>& noise,
                      const std::vector<std::int64_t>& timesteps);

}  // namespace papillon
