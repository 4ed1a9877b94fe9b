// The order of each deterministic sampler. For data N(mu, s^2) the probability-flow ODE keeps
// (z - alpha mu) / sqrt(alpha^2 s^2 + sigma^2) as it is, so that the end is known exactly.
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/diffusion/samplers/ddim.hpp"
#include "papillon/diffusion/samplers/dpm_solver_pp.hpp"
#include "papillon/diffusion/samplers/heun.hpp"

using namespace papillon;

namespace {

const std::vector<double> mu{0.7, -0.4}, variance{2.0, 0.09};
using SamplerFunction = std::function<Tensor<double>(const DenoisingModel<double>&,
                                                     const std::vector<int>&, Tensor<double>)>;

// n steps evenly in lambda from one step of the schedule to another, both noisy.
std::vector<int> even_steps(const NoiseSchedule& s, int from, int to, int n) {
  std::vector<int> out;
  for (int i = 0; i <= n; ++i)
    out.push_back(static_cast<int>(
        std::lround(s.step_at_lambda(s.lambda(from) + (s.lambda(to) - s.lambda(from)) * i / n))));
  return out;
}

Tensor<double> exact(const NoiseSchedule& s, int from, int to, const Tensor<double>& z) {
  Tensor<double> out(z.shape());
  const auto spread = [&](int t, std::size_t d) {
    return std::sqrt(s.alpha_bar(t) * variance[d] + s.sigma(t) * s.sigma(t));
  };
  for (std::size_t n = 0; n < z.extent(0); ++n)
    for (std::size_t d = 0; d < 2; ++d)
      out(n, d) =
          s.alpha(to) * mu[d] + (z(n, d) - s.alpha(from) * mu[d]) * spread(to, d) / spread(from, d);
  return out;
}

// Minus the slope of log error over log steps, by least squares.
double order(const SamplerFunction& sampler, Head head, bool down_to_zero) {
  const auto schedule = NoiseSchedule::cosine(100000);
  const auto model = gaussian_oracle<double>(mu, variance, schedule, head);
  const auto z = random_normal<double>({16, 2}, {5, 0});
  const int from = 99500, to = 2000;
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const int steps : {80, 160, 320, 640}) {
    auto timesteps = even_steps(schedule, from, to, steps);
    if (down_to_zero) timesteps.push_back(0);
    const double error = max_abs_difference(sampler(model, timesteps, z),
                                            exact(schedule, from, timesteps.back(), z));
    const double lx = std::log(steps), ly = std::log(error);
    n += 1, x += lx, y += ly, xx += lx * lx, xy += lx * ly;
  }
  return -(n * xy - x * y) / (n * xx - x * x);
}

SamplerFunction multistep(int solver_order) {
  return [=](const auto& model, const auto& timesteps, Tensor<double> z) {
    return dpm_solver_pp(model, timesteps, std::move(z), {},
                         {.order = solver_order, .lower_order_final = false});
  };
}

}  // namespace

TEST_CASE("the error of each deterministic sampler falls with its order", "[sampler][order]") {
  const SamplerFunction euler = [](const auto& m, const auto& t, Tensor<double> z) {
    return ddim(m, t, std::move(z));
  };
  const SamplerFunction trapezoid = [](const auto& m, const auto& t, Tensor<double> z) {
    return heun(m, t, std::move(z));
  };
  const std::vector<std::pair<SamplerFunction, double>> table{
      {euler, 1}, {multistep(1), 1}, {trapezoid, 2}, {multistep(2), 2}, {multistep(3), 3}};
  for (std::size_t i = 0; i < table.size(); ++i)
    for (const Head head : {Head::velocity, Head::noise}) {
      const double measured = order(table[i].first, head, false);
      INFO("sampler " << i << ", " << to_string(head) << ": order " << measured);
      // The fit spans a factor of eight in steps; higher terms bend it a little.
      CHECK(std::abs(measured - table[i].second) < 0.25);
    }
}

TEST_CASE("DPM-Solver++ of order 1 is DDIM", "[sampler]") {
  const auto schedule = NoiseSchedule::cosine();
  const auto model = gaussian_oracle<double>(mu, variance, schedule, Head::velocity);
  const auto z = random_normal<double>({16, 2}, {5, 1});
  const auto timesteps = make_timesteps(Spacing::uniform, schedule, 20);
  DpmSolverOptions options;
  options.order = 1;
  // Two ways to write one formula: rounding only.
  CHECK(max_abs_difference(dpm_solver_pp(model, timesteps, z, {}, options),
                           ddim(model, timesteps, z)) < 1e-12);
}

TEST_CASE("over the whole cosine schedule higher orders are closer to the exact end", "[sampler]") {
  // The first step, over the schedule's last jump, and the last one, to the clean state, are of
  // first order whatever the sampler; the errors must still fall from sampler to sampler.
  const auto schedule = NoiseSchedule::cosine();
  const auto model = gaussian_oracle<double>(mu, variance, schedule, Head::velocity);
  const auto z = random_normal<double>({64, 2}, {5, 2});
  const auto timesteps = make_timesteps(Spacing::log_snr, schedule, 50);
  const auto truth = exact(schedule, 1000, 0, z);
  DpmSolverOptions third;
  third.order = 3;
  const double e1 = max_abs_difference(ddim(model, timesteps, z), truth);
  const double e2 = max_abs_difference(dpm_solver_pp(model, timesteps, z), truth);
  const double e3 = max_abs_difference(dpm_solver_pp(model, timesteps, z, {}, third), truth);
  const double eh = max_abs_difference(heun(model, timesteps, z), truth);
  INFO(e1 << " " << e2 << " " << e3 << " " << eh);
  CHECK(e2 < e1 / 4);
  CHECK(e3 < e2);
  CHECK(eh < e1 / 4);
  // With few steps, too, the third order does no harm.
  for (const Spacing spacing : {Spacing::uniform, Spacing::log_snr, Spacing::karras})
    for (const int steps : {10, 20}) {
      const auto few = make_timesteps(spacing, schedule, steps);
      const double d1 = max_abs_difference(ddim(model, few, z), truth);
      const double d3 = max_abs_difference(dpm_solver_pp(model, few, z, {}, third), truth);
      INFO(to_string(spacing) << " " << d1 << " " << d3);
      CHECK(d3 < d1);
    }
}
