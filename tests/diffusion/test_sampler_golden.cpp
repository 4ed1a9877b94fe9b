// Whole sampling loops against the sums that a widely used scheduler library's tests expect. Its
// "model" is m(x, t) = x t / (t + 1) on 768 numbers, with steps counted 0 ... 999; ours are 1 ...
// 1000, and 0 is the clean state.
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/samplers/ddim.hpp"
#include "papillon/diffusion/samplers/ddpm.hpp"
#include "papillon/diffusion/samplers/dpm_solver_pp.hpp"

using namespace papillon;

namespace {

template <class T>
DenoisingModel<T> model(Head head) {
  std::vector<double> betas;
  for (int i = 0; i < 1000; ++i)
    betas.push_back(static_cast<float>(1e-4 + (0.02 - 1e-4) * i / 999));
  const Denoiser<T> denoiser = [](const Tensor<T>& x, int t) {
    Tensor<T> y = x;
    for (T& v : y) v *= static_cast<T>(t - 1) / static_cast<T>(t);
    return y;
  };
  return {denoiser, NoiseSchedule::from_betas(betas), head};
}

// x[b, c, h, w] = (((c 8 + h) 8 + w) 4 + b) / 768, a row for each b.
template <class T>
Tensor<T> start() {
  Tensor<T> x(Shape{4, 192});
  for (std::size_t b = 0; b < 4; ++b)
    for (std::size_t k = 0; k < 192; ++k) x(b, k) = static_cast<T>(k * 4 + b) / 768;
  return x;
}

template <class T>
double sum_of_magnitudes(const Tensor<T>& x) {
  double sum = 0;
  for (const T v : x) sum += std::abs(static_cast<double>(v));
  return sum;
}

template <class T>
void check_sum(const Tensor<T>& x, double sum, double mean) {
  CHECK(std::abs(sum_of_magnitudes(x) - sum) < 1e-2);
  CHECK(std::abs(sum_of_magnitudes(x) / 768 - mean) < 1e-3);
}

// Box and Muller in blocks of 16 on a Mersenne twister, in the order of the calls.
NoiseSource twister_noise() {
  return [rng = std::mt19937(0)](int, std::uint64_t, std::span<double> out) mutable {
    for (double& u : out) u = static_cast<double>(rng() & 0xFFFFFFu) / 16777216.0;
    for (std::size_t block = 0; block < out.size(); block += 16)
      for (std::size_t j = block; j < block + 8; ++j) {
        const double radius = std::sqrt(-2 * std::log(1 - out[j]));
        const double angle = 2 * std::numbers::pi * out[j + 8];
        out[j] = radius * std::cos(angle);
        out[j + 8] = radius * std::sin(angle);
      }
  };
}

}  // namespace

TEMPLATE_TEST_CASE("DDIM reproduces the expected sums", "[sampler][golden]", float, double) {
  std::vector<int> timesteps;
  for (int t = 900; t >= 0; t -= 100) timesteps.push_back(t + 1);
  timesteps.push_back(0);
  StepOptions options;
  options.clip = 1;
  check_sum(ddim(model<TestType>(Head::noise), timesteps, start<TestType>(), options), 172.0067,
            0.223967);
  check_sum(ddim(model<TestType>(Head::velocity), timesteps, start<TestType>(), options), 52.5302,
            0.0684);
}

TEMPLATE_TEST_CASE("DDPM reproduces the expected sums", "[sampler][golden]", float, double) {
  const auto timesteps = make_timesteps(Spacing::uniform, NoiseSchedule::cosine(1000), 1000);
  StepOptions options;
  options.clip = 1;
  options.noise = twister_noise();
  check_sum(ddpm(model<TestType>(Head::noise), timesteps, start<TestType>(), options), 258.9606,
            0.3372);
  options.noise = twister_noise();
  check_sum(ddpm(model<TestType>(Head::velocity), timesteps, start<TestType>(), options), 202.0296,
            0.2631);
}

TEMPLATE_TEST_CASE("DPM-Solver++ 2M reproduces the expected mean", "[sampler][golden]", float,
                   double) {
  std::vector<int> timesteps;
  for (int i = 10; i >= 1; --i)
    timesteps.push_back(static_cast<int>(std::lround(999.0 * i / 10)) + 1);
  timesteps.push_back(0);
  const auto m = model<TestType>(Head::noise);
  StepOptions options;
  DpmSolverOptions own;
  own.lower_order_final = false;
  own.largest_step_ratio = 10;                        // their last step is 4.9 times the one before
  options.final_alpha_bar = m.schedule.alpha_bar(1);  // the last sigma is that of their index 0
  own.temper_long_steps = false;                      // nor have they that
  const auto x = dpm_solver_pp(m, timesteps, start<TestType>(), options, own);
  CHECK(std::abs(sum_of_magnitudes(x) / 768 - 0.3301) < 1e-3);
}
