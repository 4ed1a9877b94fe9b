// Noise schedules: how much of the state is left, and how much noise there is, at each step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace papillon {

// z_t = alpha_t x + sigma_t e with alpha_t^2 = alpha_bar_t = (1 - beta_1) ... (1 - beta_t) and
// sigma_t^2 = 1 - alpha_bar_t; t = 0 ... steps(), and t = 0 is the clean state. All in double: the
// product runs over its logarithm, so that sigma keeps its digits where alpha_bar is almost 1.
// Functions of t throw ArgumentError outside 0 ... steps().
class NoiseSchedule {
 public:
  // Nichol and Dhariwal (2021), eq. 17, with offset 0.008 and beta at most 0.9.
  static NoiseSchedule cosine(int steps = 1000);
  // Ho et al. (2020): beta evenly spaced from low to high.
  static NoiseSchedule linear(int steps = 1000, double low = 1e-4, double high = 0.03);
  // Betas in (0, 1); the last may be 1 (no signal is left at the end: zero terminal SNR).
  static NoiseSchedule from_betas(std::vector<double> betas, std::string name = "custom");
  // "cosine" or "linear" with the other settings as above.
  static NoiseSchedule parse(std::string_view name, int steps = 1000);

  int steps() const { return static_cast<int>(betas_.size()); }
  const std::string& name() const { return name_; }
  const std::vector<double>& betas() const { return betas_; }

  double beta(int t) const;  // t = 1 ... steps()
  double alpha_bar(int t) const;
  double alpha(int t) const;
  double sigma(int t) const;
  double log_alpha(int t) const;
  // log(alpha / sigma), half the logarithm of the signal-to-noise ratio: infinite at t = 0, and
  // minus infinity where no signal is left.
  double lambda(int t) const;
  // The real-valued t in [1, steps()] with that lambda, by linear interpolation; clamped.
  double step_at_lambda(double value) const;
  // No signal, or none that single precision can recover, is left at the last step.
  bool zero_terminal_snr() const { return alpha_bar(steps()) < 1e-12; }

 private:
  NoiseSchedule(std::vector<double> betas, std::string name);
  std::size_t check(int t, int lowest) const;

  std::string name_;
  std::vector<double> betas_;          // [steps], beta_1 first
  std::vector<double> log_alpha_bar_;  // [steps + 1], t = 0 first
};

}  // namespace papillon
