// What all samplers share: options of every step, the walk down the timesteps, and the type that
// holds any of them. A sampler itself is only the formula of one step.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "papillon/diffusion/denoiser.hpp"
#include "papillon/diffusion/timesteps.hpp"
#include "papillon/tensor/options.hpp"
#include "papillon/tensor/random.hpp"

namespace papillon {

// Fills `out` with elements first, first + 1, ... of the noise that is added on arrival at step t.
using NoiseSource = std::function<void(int t, std::uint64_t first, std::span<double> out)>;

struct StepOptions {
  // Predicted states are clipped to [-clip, clip]; the noise is left as it was predicted. 0: not
  // clipped, which is right for standardised states: they reach 3 and more.
  double clip = 0;
  // alpha_bar of the entry 0 of the list; below 1 it leaves that much noise in the result.
  double final_alpha_bar = 1;
  // Noise element (row r, component d) on arrival at step t is number 2^37 t + (first_row + r) D +
  // d of this stream: rows come out the same however they are split into batches.
  RandomStream random{};
  std::uint64_t first_row = 0;
  NoiseSource noise{};                                  // in place of the stream, if set
  std::function<void(int done, int steps)> progress{};  // called after each step, if set
};

// Any sampler with values of its own options.
class Sampler {
 public:
  template <class T>
  using Run = std::function<Tensor<T>(const DenoisingModel<T>&, const std::vector<int>& timesteps,
                                      Tensor<T> z, const StepOptions&)>;

  // spacing: of the timesteps where none is chosen. run: for both precisions, as ddim() in
  // ddim.hpp. settings: the values of its own options as text, " eta 0.5"; empty if it has none.
  template <class R>
  Sampler(std::string name, Spacing spacing, R run, std::string settings = {})
      : name_(std::move(name)),
        settings_(std::move(settings)),
        spacing_(spacing),
        float_(run),
        double_(run) {}

  const std::string& name() const { return name_; }
  const std::string& settings() const { return settings_; }
  Spacing spacing() const { return spacing_; }
  // z [N, D] at timesteps.front(); the result at timesteps.back().
  template <class T>
  Tensor<T> operator()(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                       Tensor<T> z, const StepOptions& options) const {
    if constexpr (std::is_same_v<T, float>)
      return float_(model, timesteps, std::move(z), options);
    else
      return double_(model, timesteps, std::move(z), options);
  }

 private:
  std::string name_, settings_;
  Spacing spacing_;
  Run<float> float_;
  Run<double> double_;
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
