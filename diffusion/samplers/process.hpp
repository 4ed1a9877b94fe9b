// What all samplers share: their options, and the walk down the timesteps. A sampler itself is only
// the formula of one step.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "papillon/diffusion/denoiser.hpp"
#include "papillon/diffusion/timesteps.hpp"
#include "papillon/tensor/random.hpp"

namespace papillon {

// Ho et al. (2020), section 3.2: the variance of the posterior given the state (right for a single
// point), or beta itself (right for N(0, 1)).
enum class DdpmVariance { fixed_small, fixed_large };

// Fills `out` with elements first, first + 1, ... of the noise that is added on arrival at step t.
using NoiseSource = std::function<void(int t, std::uint64_t first, std::span<double> out)>;

struct StepOptions {
  double eta = 0;  // DDIM: 0 deterministic ... 1 as noisy as DDPM
  DdpmVariance variance = DdpmVariance::fixed_small;
  int order = 2;  // DPM-Solver++: 1 (which is DDIM), 2 or 3
  // Predicted states are clipped to [-clip, clip]; the noise is left as it was predicted. 0: not
  // clipped, which is right for standardised states: they reach 3 and more.
  double clip = 0;
  // alpha_bar of the entry 0 of the list; below 1 it leaves that much noise in the result.
  double final_alpha_bar = 1;
  // DPM-Solver++: first order in the last step and at most second in the one before.
  bool lower_order_final = true;
  // DPM-Solver++: first order also where a step in lambda is more than so many times the one
  // before, or less than that part of it: what is known of the states there says little of the
  // step.
  double largest_step_ratio = 4;
  // DPM-Solver++: over long steps in lambda, only a part of the slope, and no third order. Without
  // it the weights are the published ones; few steps may then be worse than DDIM's.
  bool temper_long_steps = true;
  // Noise element (row r, component d) on arrival at step t is number 2^37 t + (first_row + r) D +
  // d of this stream: rows come out the same however they are split into batches.
  RandomStream random{};
  std::uint64_t first_row = 0;
  NoiseSource noise{};                                  // in place of the stream, if set
  std::function<void(int done, int steps)> progress{};  // called after each step, if set
};

// One noise level. lambda = log(alpha / sigma), +-infinity at the ends.
struct NoiseLevel {
  int t;
  double log_alpha, alpha, sigma, lambda;
};
// 1 - alpha_from^2 / alpha_to^2: the beta of a step down from one level to another.
inline double step_beta(const NoiseLevel& from, const NoiseLevel& to) {
  return -std::expm1(2 * (from.log_alpha - to.log_alpha));
}
// The standard deviation of z_to given z_from and the clean state: Ho et al. (2020), eq. 7.
inline double posterior_deviation(const NoiseLevel& from, const NoiseLevel& to) {
  return to.sigma / from.sigma * std::sqrt(step_beta(from, to));
}

// a x + b y (+ c w); shapes are those of x.
template <class T>
Tensor<T> combine(double a, const Tensor<T>& x, double b, const Tensor<T>& y);
template <class T>
Tensor<T> combine(double a, const Tensor<T>& x, double b, const Tensor<T>& y, double c,
                  const Tensor<T>& w);

template <class T>
class ReverseProcess {
 public:
  // Throws ArgumentError for options, timesteps or a head that do not fit the model.
  ReverseProcess(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                 const StepOptions& options);

  int steps() const { return static_cast<int>(timesteps_.size()) - 1; }
  NoiseLevel level(int i) const;  // of timesteps[i]; i = 0 is where the noise is
  // Calls the model once. Throws ShapeError if its answer has another shape than z.
  Prediction<T> predict(const Tensor<T>& z, const NoiseLevel& at) const;
  // Adds deviation times the noise of step t to z.
  void add_noise(Tensor<T>& z, double deviation, int t) const;

  // z through step(z, from, to, i) for i = 0 ... steps() - 1.
  template <class Step>
  Tensor<T> run(Tensor<T> z, Step step) const {
    check_state(z);
    for (int i = 0; i < steps(); ++i) {
      step(z, level(i), level(i + 1), i);
      if (options_.progress) options_.progress(i + 1, steps());
    }
    return z;
  }

 private:
  void check_state(const Tensor<T>& z) const;

  // Copies, since what is passed may be temporary.
  DenoisingModel<T> model_;
  std::vector<int> timesteps_;
  StepOptions options_;
};

// z += deviation * noise of step t, for rows first_row, first_row + 1, ...; threaded.
template <class T>
void add_noise(Tensor<T>& z, double deviation, int t, const StepOptions& options);

}  // namespace papillon
