#include "papillon/diffusion/head.hpp"

#include <fmt/format.h>

namespace papillon {

TargetCoefficients target_coefficients(Head head, double alpha, double sigma) {
  switch (head) {
    case Head::noise:
      return {1, 0};
    case Head::state:
      return {0, 1};
    case Head::velocity:
      return {alpha, -sigma};
    case Head::score:
      if (sigma == 0)
        throw ArgumentError("score head: the score of a clean state (t = 0) does not exist");
      return {-1 / sigma, 0};
  }
  throw ArgumentError("target_coefficients: not a head");
}

RecoveryCoefficients recovery_coefficients(Head head, double alpha, double sigma) {
  if (alpha == 0 && (head == Head::noise || head == Head::score))
    throw ArgumentError(
        fmt::format("{} head: no state follows where no signal is left; predict state or velocity",
                    to_string(head)));
  if (sigma == 0 && head == Head::state)
    throw ArgumentError("state head: no noise follows from a clean state (t = 0)");
  switch (head) {
    case Head::noise:
      return {1 / alpha, -sigma / alpha, 0, 1};
    case Head::state:
      return {0, 1, 1 / sigma, -alpha / sigma};
    case Head::velocity:
      return {alpha, -sigma, sigma, alpha};
    case Head::score:
      return {1 / alpha, sigma * sigma / alpha, 0, -sigma};
  }
  throw ArgumentError("recovery_coefficients: not a head");
}

template <class T>
Prediction<T> recover(Head head, double alpha, double sigma, const Tensor<T>& z,
                      const Tensor<T>& prediction) {
  if (z.shape() != prediction.shape())
    throw_shape_error("recover", z.shape(), prediction.shape(),
                      "state and prediction must have the same shape");
  const auto c = recovery_coefficients(head, alpha, sigma);
  const T xz = static_cast<T>(c.state_z), xp = static_cast<T>(c.state_p);
  const T ez = static_cast<T>(c.noise_z), ep = static_cast<T>(c.noise_p);
  Prediction<T> out{Tensor<T>(z.shape()), Tensor<T>(z.shape())};
  T* x = out.state.data();
  T* e = out.noise.data();
  const T* zs = z.data();
  const T* ps = prediction.data();
  for (std::size_t i = 0; i < z.size(); ++i) {
    x[i] = xz * zs[i] + xp * ps[i];
    e[i] = ez * zs[i] + ep * ps[i];
  }
  return out;
}

void check_head(Head head, const NoiseSchedule& schedule) {
  if ((head == Head::noise || head == Head::score) && schedule.zero_terminal_snr())
    throw ArgumentError(fmt::format(
        "{} head with zero terminal SNR (schedule {}, alpha_bar_{} = {:.3g}): no state follows "
        "from "
        "its prediction there; use a state or velocity head",
        to_string(head), schedule.name(), schedule.steps(), schedule.alpha_bar(schedule.steps())));
}

template Prediction<float> recover(Head, double, double, const Tensor<float>&,
                                   const Tensor<float>&);
template Prediction<double> recover(Head, double, double, const Tensor<double>&,
                                    const Tensor<double>&);

}  // namespace papillon
