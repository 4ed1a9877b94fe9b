// Partial denoising and inversion against exact oracles.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/diffusion/partial.hpp"
#include "papillon/diffusion/samplers/ddim.hpp"

using namespace papillon;

namespace {

const std::vector<double> mu{0.5, -0.2}, variance{1.0, 0.25};

DenoisingModel<double> oracle() {
  return gaussian_oracle<double>(mu, variance, NoiseSchedule::cosine(), Head::velocity);
}

// The root mean square distance of ensembles [M, N, D] from the states [N, D] they are of.
double distance(const Tensor<double>& ensembles, const Tensor<double>& states) {
  double sum = 0;
  for (std::size_t i = 0; i < ensembles.size(); ++i) {
    const double d = ensembles[i] - states[i % states.size()];
    sum += d * d;
  }
  return std::sqrt(sum / static_cast<double>(ensembles.size()));
}

SamplerOptions ancestral() {
  SamplerOptions options;
  options.sampler = ddpm_sampler();
  options.spacing = Spacing::uniform;
  options.steps = 100;
  options.random = {3, 1};
  return options;
}

}  // namespace

TEST_CASE("ensembles stay near their state for few steps and spread with more", "[partial]") {
  const auto model = oracle();
  const auto states = random_normal<double>({40, 2}, {9, 0});
  double before = 0;
  for (const int start : {1, 3, 13, 40, 80}) {
    const auto out = diffuse_and_denoise(model, states, 20, start, ancestral());
    CHECK(out.states.shape() == Shape{20, 40, 2});
    CHECK(out.network_evaluations == start);
    const double d = distance(out.states, states);
    CHECK(d > before);
    before = d;
    // One step of 100 noises by sigma_10 = 0.017 and more of it is taken away again.
    if (start == 1) CHECK(d < 0.03);
  }
}

TEST_CASE("noising and denoising states of a Gaussian keeps its distribution", "[partial]") {
  const auto model = oracle();
  Tensor<double> states = random_normal<double>({20000, 2}, {9, 1});
  for (std::size_t i = 0; i < states.size(); ++i)
    states[i] = mu[i % 2] + std::sqrt(variance[i % 2]) * states[i];
  const auto out = diffuse_and_denoise(model, states, 2, 50, ancestral()).states;
  for (std::size_t d = 0; d < 2; ++d) {
    double mean = 0, square = 0;
    const double n = static_cast<double>(out.size()) / 2;
    for (std::size_t i = d; i < out.size(); i += 2) {
      mean += out[i] / n;
      square += out[i] * out[i] / n;
    }
    // Standard errors are up to 0.009 (the members of a state are alike).
    CHECK(std::abs(mean - mu[d]) < 0.03);
    CHECK(std::abs(square - mean * mean - variance[d]) < 0.04);
  }
}

TEST_CASE("an ensemble depends on the number of its state alone", "[partial]") {
  const auto model = oracle();
  const auto states = random_normal<double>({10, 2}, {9, 2});
  auto options = ancestral();
  const auto whole = diffuse_and_denoise(model, states, 3, 10, options).states;
  options.first_row = 6;
  const Tensor<double> last({4, 2}, states.span().subspan(12));
  const auto part = diffuse_and_denoise(model, last, 3, 10, options).states;
  for (std::size_t m = 0; m < 3; ++m)
    for (std::size_t i = 0; i < 8; ++i) CHECK(part[m * 8 + i] == whole[m * 20 + 12 + i]);
}

TEST_CASE("the way to the latents and back closes as steps are added", "[inversion]") {
  const auto model = oracle();
  const auto states = random_normal<double>({30, 2}, {9, 3});
  double previous = 0;
  for (const int steps : {25, 50, 100, 200}) {
    const auto timesteps = make_timesteps(Spacing::uniform, model.schedule, steps);
    const double error = max_abs_difference(
        ddim(model, timesteps, ddim_inversion(model, timesteps, states)), states);
    // First order: half the error for twice the steps, less the part of the last jump.
    if (previous > 0) CHECK(error < 0.7 * previous);
    previous = error;
  }
}

TEST_CASE("refined, inversion is exact", "[inversion]") {
  // Each step becomes the inverse of a DDIM step. The slowest one, over the last jump of the
  // schedule, converges by 1 - exp(-1.15) = 0.68 a refinement; rounding grows by 1 / alpha_T =
  // 2000.
  const auto model = oracle();
  const auto states = random_normal<double>({30, 2}, {9, 3});
  const auto timesteps = make_timesteps(Spacing::log_snr, model.schedule, 25);
  const auto error = [&](int refinements) {
    return max_abs_difference(
        ddim(model, timesteps, ddim_inversion(model, timesteps, states, refinements)), states);
  };
  CHECK(error(0) > 0.1);
  CHECK(error(10) < error(0) / 20);
  CHECK(error(60) < 1e-8);
}

TEST_CASE("latents of a Gaussian are its standardised states", "[inversion]") {
  const auto model = oracle();
  const auto states = random_normal<double>({30, 2}, {9, 4});
  const auto timesteps = make_timesteps(Spacing::log_snr, model.schedule, 800);
  const auto z = ddim_inversion(model, timesteps, states);
  for (std::size_t i = 0; i < z.size(); ++i)
    CHECK(std::abs(z[i] - (states[i] - mu[i % 2]) / std::sqrt(variance[i % 2])) < 0.05);
}

TEST_CASE("partial denoising refuses what makes no sense", "[partial]") {
  const auto model = oracle();
  const auto states = Tensor<double>::zeros({2, 2});
  const auto options = ancestral();
  CHECK_THROWS_AS(diffuse_and_denoise(model, states, 0, 5, options), ArgumentError);
  CHECK_THROWS_AS(diffuse_and_denoise(model, states, 2, 0, options), ArgumentError);
  CHECK_THROWS_AS(diffuse_and_denoise(model, states, 2, 101, options), ArgumentError);
  CHECK_THROWS_AS(diffuse_and_denoise(model, Tensor<double>::zeros({2}), 2, 5, options),
                  ShapeError);
  CHECK_THROWS_AS(ddim_inversion(model, {100, 0}, states, -1), ArgumentError);
  CHECK_THROWS_AS(ddim_inversion(model, {0, 100}, states), ArgumentError);
}
