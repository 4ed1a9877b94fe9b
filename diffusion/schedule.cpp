#include "papillon/diffusion/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "papillon/tensor/errors.hpp"

namespace papillon {

namespace {

void check_steps(int steps) {
  // 2^20: the sampler's noise is addressed with 20 bits of t.
  if (steps < 1 || steps >= 1 << 20)
    throw ArgumentError(
        fmt::format("NoiseSchedule: {} steps; must be between 1 and 1048575", steps));
}

}  // namespace

NoiseSchedule NoiseSchedule::cosine(int steps) {
  check_steps(steps);
  const auto g = [](double u) {
    const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
    return c * c;
  };
  std::vector<double> betas;
  for (int t = 1; t <= steps; ++t)
    betas.push_back(std::min(
        1 - g(static_cast<double>(t) / steps) / g(static_cast<double>(t - 1) / steps), 0.9));
  return {std::move(betas), "cosine"};
}

NoiseSchedule NoiseSchedule::linear(int steps, double low, double high) {
  check_steps(steps);
  std::vector<double> betas;
  for (int t = 0; t < steps; ++t)
    betas.push_back(steps == 1 ? high : low + (high - low) * t / (steps - 1));
  return {std::move(betas), "linear"};
}

NoiseSchedule NoiseSchedule::from_betas(std::vector<double> betas, std::string name) {
  return {std::move(betas), std::move(name)};
}

NoiseSchedule NoiseSchedule::parse(std::string_view name, int steps) {
  if (name == "cosine") return cosine(steps);
  if (name == "linear") return linear(steps);
  throw ArgumentError(
      fmt::format("NoiseSchedule: unknown schedule \"{}\"; cosine or linear", name));
}

NoiseSchedule::NoiseSchedule(std::vector<double> betas, std::string name)
    : name_(std::move(name)), betas_(std::move(betas)), log_alpha_bar_{0.0} {
  check_steps(steps());
  for (int t = 1; t <= steps(); ++t) {
    const double beta = betas_[static_cast<std::size_t>(t - 1)];
    // Written so that NaN fails too.
    if (!(beta > 0 && (beta < 1 || (beta == 1 && t == steps()))))
      throw ArgumentError(fmt::format(
          "NoiseSchedule: beta_{} is {}; must be in (0, 1), and 1 only at the last step", t, beta));
    log_alpha_bar_.push_back(log_alpha_bar_.back() + std::log1p(-beta));
  }
}

std::size_t NoiseSchedule::check(int t, int lowest) const {
  if (t < lowest || t > steps())
    throw ArgumentError(
        fmt::format("NoiseSchedule: step {}; must be between {} and {}", t, lowest, steps()));
  return static_cast<std::size_t>(t);
}

double NoiseSchedule::beta(int t) const {
  return betas_[check(t, 1) - 1];
}

double NoiseSchedule::alpha_bar(int t) const {
  return std::exp(log_alpha_bar_[check(t, 0)]);
}

double NoiseSchedule::alpha(int t) const {
  return std::exp(log_alpha(t));
}

double NoiseSchedule::sigma(int t) const {
  return std::sqrt(-std::expm1(log_alpha_bar_[check(t, 0)]));
}

double NoiseSchedule::log_alpha(int t) const {
  return 0.5 * log_alpha_bar_[check(t, 0)];
}

double NoiseSchedule::lambda(int t) const {
  return log_alpha(t) - std::log(sigma(t));
}

double NoiseSchedule::step_at_lambda(double value) const {
  int above = 1, below = steps();  // lambda(above) > value >= lambda(below): lambda falls with t
  if (value >= lambda(above)) return above;
  if (value <= lambda(below)) return below;
  while (below - above > 1) {
    const int middle = (above + below) / 2;
    (lambda(middle) > value ? above : below) = middle;
  }
  return above + (lambda(above) - value) / (lambda(above) - lambda(below));
}

}  // namespace papillon
