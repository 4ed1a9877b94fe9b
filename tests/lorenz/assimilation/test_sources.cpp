// Ensembles around a single run: their moments, and that they depend on nothing but their address.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/diffusion/oracles.hpp"
#include "papillon/lorenz/assimilation/internal/state_tree.hpp"
#include "papillon/lorenz/assimilation/sources/diffusion.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/sources/posterior.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

std::vector<RandomAddress> addresses(std::size_t n, std::uint64_t cycle = 3) {
  std::vector<RandomAddress> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back({1, i, cycle});
  return out;
}

Matrix ensemble_of(const Tensor<double>& all, std::size_t n) {
  const std::size_t m = all.extent(1), d = all.extent(2);
  return Matrix(Shape{m, d}, std::span<const double>(all.data() + n * m * d, m * d));
}

// A state's ensemble is the same alone as among others, on one thread or on three.
void check_independence(const EnsembleSource& source, const Matrix& states) {
  const std::size_t n = states.extent(0), d = states.extent(1);
  const Tensor<double> all = source.generate(states, addresses(n));
  set_thread_count(3);
  CHECK(identical(source.generate(states, addresses(n)), all));
  set_thread_count(0);
  const Matrix last(Shape{1, d}, std::span<const double>(states.data() + (n - 1) * d, d));
  const RandomAddress address[] = {addresses(n).back()};
  CHECK(identical(ensemble_of(source.generate(last, address), 0), ensemble_of(all, n - 1)));
  CHECK_FALSE(identical(source.generate(states, addresses(n, 4)), all));
  CHECK_THROWS_AS(source.generate(states, addresses(n - 1)), ShapeError);
}

}  // namespace

TEST_CASE("a Gaussian source has the covariance it was given, inflated", "[assimilation]") {
  const Matrix c = some_covariance(3, 1);
  const Matrix x = Matrix::matrix({{1, 2, 3}, {4, 5, 6}});
  const std::size_t members = 20000;
  for (const bool diagonal : {false, true}) {
    const SourcePointer source = gaussian_source(c, members, 1.5, diagonal);
    const Gaussian of = moments(ensemble_of(source->generate(x, addresses(2)), 1));
    for (std::size_t i = 0; i < 3; ++i) {
      // Standard errors of a mean and of a covariance.
      CHECK(std::abs(of.mean[i] - x(1, i)) < 4 * 1.5 * std::sqrt(c(i, i) / 20000));
      for (std::size_t j = 0; j < 3; ++j) {
        const double expected = diagonal && i != j ? 0 : 2.25 * c(i, j);
        CHECK(std::abs(of.covariance(i, j) - expected) <
              4 * 2.25 * std::sqrt(2 * c(i, i) * c(j, j) / 20000));
      }
    }
  }
  check_independence(*gaussian_source(c, 7), x);
  CHECK_THROWS_AS(gaussian_source(c, 1), ArgumentError);
  CHECK_THROWS_AS(gaussian_source(c, 5, 0), ArgumentError);
  CHECK_THROWS_AS(gaussian_source(Matrix::matrix({{1, 2}, {2, 1}}), 5), NumericalError);
  CHECK_NOTHROW(gaussian_source(Matrix::matrix({{1, 2}, {2, 1}}), 5, 1, true));
}

TEST_CASE("sigma points have exactly their covariance", "[assimilation]") {
  const Matrix c = some_covariance(4, 2), x = Matrix::matrix({{1, 2, 3, 4}});
  const SourcePointer source = sigma_point_source(c, 1.72);
  CHECK(source->members() == 8);
  const Gaussian of = moments(ensemble_of(source->generate(x, addresses(1)), 0));
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(of.covariance[i] == Approx(1.72 * 1.72 * c[i]).epsilon(1e-12));
  CHECK(largest_difference(of.mean, transpose(x)) < 1e-12);
}

TEST_CASE("the ensemble of a perfect denoiser has the moments of the posterior", "[assimilation]") {
  // Data N(mu, s^2) in normalised units: from x to z = a x + sigma e, and from there to the
  // posterior N(mu + k (z - a mu), s^2 sigma^2 / v), k = a s^2 / v, v = a^2 s^2 + sigma^2. So the
  // ensemble has mean mu + k a (x - mu) and variance k^2 sigma^2 + s^2 sigma^2 / v.
  const double mu = 0.3, s = 0.8;
  const NoiseSchedule schedule = NoiseSchedule::cosine();
  const std::vector<double> shift = {5, 5}, scale = {2, 2};
  const auto model =
      gaussian_oracle<float>({mu, mu}, std::vector<double>{s * s, s * s}, schedule, Head::velocity);
  const Matrix x = Matrix::matrix({{5 + 2 * 0.9, 5 - 2 * 0.4}});
  for (const int start : {130, 400}) {
    DiffusionSourceOptions options;
    options.members = 20000;
    options.start_step = start;
    options.sampler = paper_sampler();
    options.sampler.steps = 1000;  // every step: the reverse process is exact for a Gaussian
    const SourcePointer source = diffusion_source(model, shift, scale, options);
    const Gaussian of = moments(ensemble_of(source->generate(x, addresses(1)), 0));
    const double a = schedule.alpha(start), sigma = schedule.sigma(start);
    const double v = a * a * s * s + sigma * sigma, k = a * s * s / v;
    const double variance = k * k * sigma * sigma + s * s * sigma * sigma / v;
    for (std::size_t i = 0; i < 2; ++i) {
      const double mean = mu + k * a * ((x[i] - 5) / 2 - mu);
      CHECK(std::abs((of.mean[i] - 5) / 2 - mean) < 4 * std::sqrt(variance / 20000));
      // DDPM takes each step's variance for that of a single state, which makes the ensemble
      // narrower, by about 2 divided by the number of steps; the sampling error is 1 %.
      CHECK(of.covariance(i, i) / 4 == Approx(variance).epsilon(0.05));
    }
  }
}

TEST_CASE("a diffusion source draws for a state what it draws for it alone", "[assimilation]") {
  const auto model = gaussian_oracle<float>({0, 0, 0}, std::vector<double>{1, 1, 1},
                                            NoiseSchedule::cosine(), Head::noise);
  DiffusionSourceOptions options;
  options.members = 5;
  options.sampler = paper_sampler();
  check_independence(*diffusion_source(model, {0, 0, 0}, {1, 2, 3}, options),
                     random_normal<double>({4, 3}, {1, 1}));
  options.start_step = 101;
  CHECK_THROWS_AS(diffusion_source(model, {0, 0, 0}, {1, 2, 3}, options), ArgumentError);
  options.start_step = 13;
  CHECK_THROWS_AS(diffusion_source(model, {0, 0, 0}, {1, 2}, options), ArgumentError);
  options.members = 1;
  CHECK_THROWS_AS(diffusion_source(model, {0, 0, 0}, {1, 2, 3}, options), ArgumentError);
}

TEST_CASE("a network's ensemble of a state has the same bits among any others", "[assimilation]") {
  ResidualFilmMlp<float> network({3, 20, 2, 8}, 3);
  for (auto& layer : network.residual_layers) layer.gamma.mutable_value().fill(0.5f);
  const DiffusionModel model{std::move(network),
                             NoiseSchedule::cosine(1000),
                             Head::velocity,
                             {{0, 0, 23}, {8, 9, 8.6}},
                             {}};
  DiffusionSourceOptions options;
  options.members = 7;
  options.start_step = 5;
  options.sampler = paper_sampler();
  const SourcePointer source = diffusion_source(model, options);
  const Matrix x = random_normal<double>({60, 3}, {4, 4});
  const Tensor<double> all = source->generate(x, addresses(60));
  for (const std::size_t n : {1, 2, 59})
    for (std::size_t first = 0; first + n <= 60; first += 11) {
      const auto all_addresses = addresses(60);
      const std::span<const RandomAddress> some(&all_addresses[first], n);
      const Matrix states(Shape{n, 3}, x.span().subspan(first * 3, n * 3));
      CHECK(identical(source->generate(states, some),
                      {Shape{n, 7, 3}, all.span().subspan(first * 21, n * 21)}));
    }
}

TEST_CASE("the leaves of a state tree hold every state, and all that are near", "[assimilation]") {
  const Tensor<float> states = random_normal<float>({3000, 3}, {2, 2});
  const StateTree tree(states, 0.4);
  CHECK(tree.leaves() > 300);
  const float point[] = {0.3f, -0.2f, 0.5f};
  std::vector<StateTree::Leaf> near;
  tree.leaves_near(point, 0.7, near);
  std::size_t inside = 0, expected = 0;
  const auto distance = [&](const float* x) {
    double sum = 0;
    for (int i = 0; i < 3; ++i) sum += (x[i] - point[i]) * (x[i] - point[i]);
    return std::sqrt(sum);
  };
  for (const auto& leaf : near)
    for (std::size_t i = leaf.begin; i < leaf.end; ++i) {
      const double d = distance(tree.states().data() + 3 * i);
      CHECK(d >= std::sqrt(leaf.squared_distance) - 1e-6);
      CHECK(d < 0.7 + 0.4 + 1e-6);  // a leaf's diagonal beyond
      inside += d < 0.69;
    }
  for (std::size_t i = 0; i < 3000; ++i) expected += distance(states.data() + 3 * i) < 0.69;
  CHECK(inside == expected);
  CHECK_THROWS_AS(StateTree(Tensor<float>::zeros({0, 3}), 1), ShapeError);
  // States that are all the same end in one leaf.
  CHECK(StateTree(Tensor<float>::zeros({100, 2}), 0.1).leaves() == 1);
}

TEST_CASE("the posterior source draws each state as often as the noise kernel weighs it",
          "[assimilation]") {
  // A library of 8 states on a line, so that all frequencies can be counted. Averaged over the
  // noise e of z = a x + sigma e, by quadrature.
  const std::size_t count = 8, members = 4000;
  Tensor<float> library(Shape{count, 1});
  for (std::size_t i = 0; i < count; ++i) library[i] = static_cast<float>(i * i) * 0.05f;
  const NoiseSchedule schedule = NoiseSchedule::cosine();
  const int t = 200;
  const double r = schedule.sigma(t) / schedule.alpha(t);
  PosteriorSourceOptions options;
  options.members = static_cast<int>(members);
  const SourcePointer source = posterior_source(library, {0.5}, {1.5}, schedule, t, options);
  const double x = 0.8;
  std::vector<double> expected(count), counts(count);
  for (int k = -3000; k <= 3000; ++k) {
    const double e = k * 0.002, weight = std::exp(-e * e / 2) * 0.002 / std::sqrt(2 * M_PI);
    double total = 0;
    std::vector<double> w(count);
    for (std::size_t i = 0; i < count; ++i) {
      const double d = (x - static_cast<double>(library[i])) / 1.5 + r * e;
      total += w[i] = std::exp(-d * d / (2 * r * r));
    }
    for (std::size_t i = 0; i < count; ++i) expected[i] += weight * w[i] / total;
  }
  const std::size_t runs = 10;
  const Tensor<double> drawn = source->generate(Matrix::full({runs, 1}, x), addresses(runs));
  for (const double v : drawn)
    for (std::size_t i = 0; i < count; ++i)
      counts[i] += std::abs(v - static_cast<double>(library[i])) < 1e-6;
  double total = 0, chi = 0;
  for (std::size_t i = 0; i < count; ++i) {
    total += counts[i];
    const double n = expected[i] * static_cast<double>(runs * members);
    INFO("state " << i << ": " << counts[i] << " times, expected " << n);
    if (n > 5) chi += (counts[i] - n) * (counts[i] - n) / n;
  }
  CHECK(total == static_cast<double>(runs * members));
  CHECK(chi < 24.3);  // once in a thousand for 7 degrees of freedom
}

TEST_CASE("the posterior source far from all states, and its errors", "[assimilation]") {
  const Tensor<float> library = random_normal<float>({500, 3}, {1, 5});
  const NoiseSchedule schedule = NoiseSchedule::cosine();
  PosteriorSourceOptions options;
  options.members = 6;
  const std::vector<double> shift = {0, 0, 0}, scale = {1, 2, 1};
  const SourcePointer source = posterior_source(library, shift, scale, schedule, 30, options);
  check_independence(*source, random_normal<double>({4, 3}, {1, 6}));
  CHECK(all_finite(source->generate(Matrix::full({1, 3}, 50.0), addresses(1))));
  CHECK_THROWS_AS(source->generate(Matrix::full({1, 3}, std::nan("")), addresses(1)),
                  NumericalError);
  CHECK_THROWS_AS(posterior_source(library, shift, scale, schedule, 0, options), ArgumentError);
  CHECK_THROWS_AS(posterior_source(library, {0}, {1}, schedule, 30, options), Error);
}
