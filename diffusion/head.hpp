// What the network predicts (its head), and how state and noise follow from it.
#pragma once

#include <string>
#include <string_view>

#include "papillon/diffusion/schedule.hpp"
#include "papillon/tensor/enum_names.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon {

enum class Head { noise, state, velocity, score };

constexpr auto enum_names(Head) {
  return std::array{"noise", "state", "velocity", "score"};
}

// With z = alpha x + sigma e, the targets are: noise e; state x; velocity alpha e - sigma x
// (Salimans and Ho 2022, section 4); score -e / sigma. target = eps e + x x0.
struct TargetCoefficients {
  double eps, x;
};
TargetCoefficients target_coefficients(Head head, double alpha, double sigma);

// The other way: state = state_z z + state_p p and noise = noise_z z + noise_p p from the noised
// state z and the prediction p. Throws ArgumentError where nothing follows: a noise or score head
// with alpha = 0, a state head with sigma = 0.
struct RecoveryCoefficients {
  double state_z, state_p, noise_z, noise_p;
};
RecoveryCoefficients recovery_coefficients(Head head, double alpha, double sigma);

// A state and the noise on it, both [N, D].
template <class T>
struct Prediction {
  Tensor<T> state, noise;
};
template <class T>
Prediction<T> recover(Head head, double alpha, double sigma, const Tensor<T>& z,
                      const Tensor<T>& prediction);

// Throws ArgumentError for a noise or score head where no signal is left at the last step: the
// state does not follow from what they predict there.
void check_head(Head head, const NoiseSchedule& schedule);

}  // namespace papillon
