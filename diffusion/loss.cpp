#include "papillon/diffusion/loss.hpp"

#include <algorithm>

namespace papillon {

double min_snr_weight(Head head, double alpha, double sigma, double gamma) {
  const double snr = alpha * alpha / (sigma * sigma);
  const double state_weight = std::min(snr, gamma);
  switch (head) {
    case Head::state:
      return state_weight;
    case Head::noise:
      return state_weight / snr;
    case Head::velocity:
      return state_weight / (snr + 1);
    case Head::score:
      return state_weight / snr * sigma * sigma;
  }
  throw ArgumentError("min_snr_weight: unknown head");
}

template <class T>
NoisedStates<T> noise_states(const NoiseSchedule& schedule, Head head, const Tensor<T>& x,
                             const Tensor<T>& noise, const Timesteps& timesteps) {
  if (x.rank() != 2 || noise.shape() != x.shape() || timesteps.size() != x.extent(0))
    throw_shape_error("denoising_loss", x.shape(), noise.shape(),
                      "must be equal, with one timestep a row");
  NoisedStates<T> out{Tensor<T>(x.shape()), Tensor<T>(x.shape())};
  const std::size_t d = x.extent(1);
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const double alpha = schedule.alpha(timesteps[i]), sigma = schedule.sigma(timesteps[i]);
    const TargetCoefficients c = target_coefficients(head, alpha, sigma);
    for (std::size_t j = i * d; j < (i + 1) * d; ++j) {
      out.z[j] = static_cast<T>(alpha) * x[j] + static_cast<T>(sigma) * noise[j];
      out.target[j] = static_cast<T>(c.eps) * noise[j] + static_cast<T>(c.x) * x[j];
    }
  }
  return out;
}

template NoisedStates<float> noise_states(const NoiseSchedule&, Head, const Tensor<float>&,
                                          const Tensor<float>&, const Timesteps&);
template NoisedStates<double> noise_states(const NoiseSchedule&, Head, const Tensor<double>&,
                                           const Tensor<double>&, const Timesteps&);

}  // namespace papillon
