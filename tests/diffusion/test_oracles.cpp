// The exact denoisers against each other and against what is known in closed form.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/diffusion/sampler.hpp"

using namespace papillon;

TEMPLATE_TEST_CASE("the posterior of a scalar Gaussian is the textbook's", "[oracle]", float,
                   double) {
  using T = TestType;
  const auto schedule = NoiseSchedule::cosine();
  const double mu = 0.8, s2 = 2.25;
  for (const int t : {1, 300, 700, 1000}) {
    const double alpha = schedule.alpha(t), sigma = schedule.sigma(t);
    const auto z = Tensor<T>::matrix({{-1}, {0}, {2}});
    const auto x =
        gaussian_oracle<T>({mu}, std::vector<double>{s2}, schedule, Head::state).denoiser(z, t);
    for (std::size_t i = 0; i < 3; ++i) {
      const double wanted = mu + alpha * s2 / (alpha * alpha * s2 + sigma * sigma) *
                                     (static_cast<double>(z[i]) - alpha * mu);
      CHECK(std::abs(static_cast<double>(x[i]) - wanted) < 1e-6);
    }
  }
}

TEST_CASE("a kernel density of one kernel is a Gaussian", "[oracle]") {
  const auto schedule = NoiseSchedule::cosine();
  const auto z = random_normal<double>({20, 2}, {1, 1});
  const auto center = Tensor<double>::matrix({{0.3, -0.6}});
  for (const Head head : {Head::noise, Head::state, Head::velocity, Head::score})
    for (const int t : {1, 500, 1000}) {
      const auto a = kernel_density_oracle(center, 0.5, schedule, head).denoiser(z, t);
      const auto b =
          gaussian_oracle<double>({0.3, -0.6}, std::vector<double>{0.25, 0.25}, schedule, head)
              .denoiser(z, t);
      CHECK(max_abs_difference(a, b) < 1e-12);
    }
}

TEST_CASE("the score is the gradient of the log density", "[oracle]") {
  // Central differences of log p_t for a mixture of three kernels in two dimensions.
  const auto schedule = NoiseSchedule::linear();
  const auto states = Tensor<double>::matrix({{0, 1}, {-1, 0.2}, {0.5, -0.7}});
  const double bandwidth = 0.3;
  const int t = 300;
  const double alpha = schedule.alpha(t), sigma = schedule.sigma(t);
  const double v = alpha * alpha * bandwidth * bandwidth + sigma * sigma;
  const auto log_density = [&](double x, double y) {
    double p = 0;
    for (std::size_t i = 0; i < 3; ++i)
      p +=
          std::exp(-0.5 / v *
                   (std::pow(x - alpha * states(i, 0), 2) + std::pow(y - alpha * states(i, 1), 2)));
    return std::log(p);
  };
  const auto model = kernel_density_oracle(states, bandwidth, schedule, Head::score);
  const double h = 1e-4;
  for (const double x : {-0.5, 0.0, 0.8})
    for (const double y : {-0.3, 0.4}) {
      const auto s = model.denoiser(Tensor<double>::matrix({{x, y}}), t);
      // Differences of step 1e-4 are good to 1e-8 and a rounding of 1e-12.
      CHECK(std::abs(s[0] - (log_density(x + h, y) - log_density(x - h, y)) / (2 * h)) < 1e-6);
      CHECK(std::abs(s[1] - (log_density(x, y + h) - log_density(x, y - h)) / (2 * h)) < 1e-6);
    }
}

TEST_CASE("samples of a kernel density without bandwidth are its states", "[oracle]") {
  const auto states = Tensor<double>::matrix({{2, 1}, {-1, 0.2}, {0.5, -1.7}});
  const auto model = kernel_density_oracle(states, 0, NoiseSchedule::cosine(), Head::velocity);
  SamplerOptions options;
  options.sampler = ddpm_sampler();
  options.spacing = Spacing::uniform;
  options.steps = 100;
  const auto x = sample(model, 3000, 2, options).states;
  int counts[3] = {};
  for (std::size_t n = 0; n < 3000; ++n)
    for (std::size_t i = 0; i < 3; ++i)
      if (std::hypot(x(n, 0) - states(i, 0), x(n, 1) - states(i, 1)) < 1e-3) ++counts[i];
  CHECK(counts[0] + counts[1] + counts[2] == 3000);
  // A third each: 1000 with a standard deviation of 26.
  for (const int c : counts) CHECK(std::abs(c - 1000) < 120);
}

TEST_CASE("oracles refuse what is no density", "[oracle]") {
  const auto s = NoiseSchedule::cosine();
  using List = std::vector<double>;
  CHECK_THROWS_AS(gaussian_oracle<double>({0, 0}, List{1}, s, Head::noise), ShapeError);
  CHECK_THROWS_AS(gaussian_oracle<double>({0, 0}, List{1, 0}, s, Head::noise), ArgumentError);
  CHECK_THROWS_AS(gaussian_oracle<double>({0, 0}, List{1, -1}, s, Head::noise), ArgumentError);
  CHECK_THROWS_AS(
      gaussian_oracle<double>({0, 0}, Tensor<double>::matrix({{1, 2}, {2, 1}}), s, Head::noise),
      ArgumentError);
  CHECK_THROWS_AS(
      gaussian_oracle<double>({0, 0}, Tensor<double>::matrix({{1, 0.2}, {0.1, 1}}), s, Head::noise),
      ArgumentError);
  CHECK_THROWS_AS(kernel_density_oracle(Tensor<float>::zeros({0, 3}), 0.1, s, Head::noise),
                  ShapeError);
  CHECK_THROWS_AS(kernel_density_oracle(Tensor<float>::zeros({2, 3}), -0.1, s, Head::noise),
                  ArgumentError);
  const auto model = kernel_density_oracle(Tensor<float>::zeros({2, 3}), 0.1, s, Head::noise);
  CHECK_THROWS_AS(model.denoiser(Tensor<float>::zeros({4, 2}), 5), ShapeError);
}
