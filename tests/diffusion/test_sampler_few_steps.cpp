// With few steps no order is worse than the first.
//
// The measure: the root-mean-square distance, over noise drawn at the first timestep, between where
// a sampler ends and where the exact probability-flow ODE ends that starts from the same noise.
#include <cmath>
#include <map>

#include "catch.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;

namespace {

double distance(const Tensor<double>& a, const Tensor<double>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

// The exact end for noise z at timestep t.
using Flow = std::function<Tensor<double>(const Tensor<double>& z, int t)>;

struct Case {
  std::string name;
  DenoisingModel<double> model;
  Flow flow;
};

Tensor<double> end_of(const DenoisingModel<double>& model, const Tensor<double>& z,
                      const std::vector<int>& timesteps, const Sampler& sampler) {
  SamplerOptions options;
  options.sampler = sampler;
  return sample_from(model, z, timesteps, options).states;
}

Case gaussian(double variance, const NoiseSchedule& schedule) {
  return {"variance " + std::to_string(variance),
          gaussian_oracle<double>({0.0}, {variance}, schedule, Head::velocity),
          [variance, schedule](const Tensor<double>& z, int t) {
            Tensor<double> x = z;
            const double a = schedule.alpha(t), s = schedule.sigma(t);
            for (double& v : x) v *= std::sqrt(variance / (a * a * variance + s * s));
            return x;
          }};
}

// All timesteps by Heun's method: its error is a thousandth of what is measured here.
Case kernels(const std::string& name, const Tensor<double>& states, double bandwidth,
             const NoiseSchedule& schedule) {
  const auto model = kernel_density_oracle<double>(states, bandwidth, schedule, Head::velocity);
  return {name, model, [model](const Tensor<double>& z, int t) {
            std::vector<int> all;
            for (int s = t; s >= 0; --s) all.push_back(s);
            return end_of(model, z, all, heun_sampler());
          }};
}

}  // namespace

TEST_CASE("with few steps, no order is worse than the first", "[sampler]") {
  const NoiseSchedule schedule = NoiseSchedule::cosine(1000);
  std::vector<Case> cases;
  for (const double variance : {0.05, 0.3, 1.0, 3.0}) cases.push_back(gaussian(variance, schedule));
  cases.push_back(kernels("two kernels", Tensor<double>::matrix({{-1}, {1}}), 0.2, schedule));
  cases.push_back(kernels("five kernels",
                          Tensor<double>::matrix({{-1.5}, {-0.7}, {0.2}, {0.9}, {1.4}}), 0.15,
                          schedule));
  cases.push_back(kernels("twenty kernels", random_normal<double>({20, 1}, {1, 1}), 0.3, schedule));
  cases.push_back(kernels("plane", random_normal<double>({12, 2}, {1, 2}), 0.3, schedule));
  for (const Case& c : cases) {
    const std::size_t d = c.name == "plane" ? 2 : 1;
    const Tensor<double> z = random_normal<double>({100, d}, {2, 0});
    std::map<int, Tensor<double>> ends;  // by the first timestep
    for (const Spacing spacing :
         {Spacing::uniform, Spacing::leading, Spacing::trailing, Spacing::log_snr, Spacing::karras})
      for (int steps = 2; steps <= 20; ++steps) {
        const auto timesteps = make_timesteps(spacing, schedule, steps);
        const int t = timesteps.front();
        if (!ends.contains(t)) ends.emplace(t, c.flow(z, t));
        const double first = distance(end_of(c.model, z, timesteps, ddim_sampler()), ends.at(t));
        for (const Sampler& sampler :
             {dpm_solver_sampler(), dpm_solver_sampler({.order = 3}), heun_sampler()}) {
          INFO(c.name << ", " << sampler.name() << ", " << to_string(spacing) << ", " << steps
                      << " steps");
          // Where all steps are of first order, the same but for rounding. Third order is 2.3 %
          // worse at worst: for two kernels with 11 to 17 steps that are even in t, whose steps in
          // lambda are as long as those of 50 steps spaced in log-SNR, where it is several times
          // better.
          const double slack = sampler.name() == "dpm3m" ? 0.03 : 1e-9;
          CHECK(distance(end_of(c.model, z, timesteps, sampler), ends.at(t)) <=
                first * (1 + slack));
        }
      }
  }
}

TEST_CASE("with few steps, the variance of Gaussian data is not blown up", "[sampler]") {
  const NoiseSchedule schedule = NoiseSchedule::cosine(1000);
  for (const double variance : {0.05, 0.3, 1.0, 3.0}) {
    const Case c = gaussian(variance, schedule);
    for (const Spacing spacing :
         {Spacing::uniform, Spacing::leading, Spacing::trailing, Spacing::log_snr, Spacing::karras})
      for (int steps = 2; steps <= 20; ++steps)
        for (const Sampler& sampler :
             {dpm_solver_sampler(), dpm_solver_sampler({.order = 3}), heun_sampler()}) {
          INFO(c.name << ", " << sampler.name() << ", " << to_string(spacing) << ", " << steps);
          const auto timesteps = make_timesteps(spacing, schedule, steps);
          const auto one = Tensor<double>::matrix({{1}});
          const double end = end_of(c.model, one, timesteps, sampler)[0],
                       exact = c.flow(one, timesteps.front())[0];
          CHECK(end * end <= 1.1 * exact * exact);
        }
  }
}
