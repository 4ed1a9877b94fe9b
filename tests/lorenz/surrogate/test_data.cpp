// Training pairs, roll-outs and their scores.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "catch.hpp"
#include "papillon/lorenz/surrogate/scores.hpp"
#include "papillon/lorenz/surrogate/surrogate_lyapunov.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "surrogate_example.hpp"

using namespace papillon;
using papillon::test::attractor;
using papillon::test::fitted;
using papillon::test::scale;
using papillon::test::shift;

namespace {

struct Rows {
  Tensor<double> x, y;
};
Rows read(const TrainingPairs& pairs) {
  Rows rows{Tensor<double>(Shape{pairs.size(), pairs.dimension()}),
            Tensor<double>(Shape{pairs.size(), pairs.dimension()})};
  pairs.read(0, pairs.size(), rows.x.data(), pairs.dimension(), rows.y.data(), pairs.dimension());
  return rows;
}

// Member m, time t: (m, t, m + t^2), so that a pair tells where it comes from.
Tensor<float> numbered(std::size_t members, std::size_t times) {
  Tensor<float> states(Shape{members, times, 3});
  for (std::size_t m = 0; m < members; ++m)
    for (std::size_t t = 0; t < times; ++t) {
      float* x = states.data() + (m * times + t) * 3;
      x[0] = static_cast<float>(m);
      x[1] = static_cast<float>(t);
      x[2] = static_cast<float>(m + t * t);
    }
  return states;
}

// A surrogate that returns its state times a factor, whatever the state.
Surrogate multiplier(double factor) {
  Tensor<double> weight = Tensor<double>::zeros({3, 3});
  for (std::size_t j = 0; j < 3; ++j) weight(j, j) = factor - 1;
  return {identity_features(3),
          linear_readout(weight, Tensor<double>::zeros({3})),
          {0, 0, 0},
          {1, 1, 1},
          0.1};
}

}  // namespace

TEST_CASE("pairs: all of them, each once, with the right target", "[surrogate]") {
  const Tensor<float> states = numbered(3, 25);
  const TrainingPairs pairs(states, {0, 0, 0}, {1, 2, 4}, {.lead = 10, .samples = 45});
  const Rows rows = read(pairs);
  std::set<std::pair<double, double>> seen;
  for (std::size_t i = 0; i < 45; ++i) {
    const double m = rows.x(i, 0), t = rows.x(i, 1) * 2;
    seen.insert({m, t});
    CHECK(t < 15);
    CHECK(rows.x(i, 2) * 4 == m + t * t);
    CHECK(rows.y(i, 0) == 0);
    CHECK(rows.y(i, 1) * 2 == 10);
    CHECK(rows.y(i, 2) * 4 == Approx((t + 10) * (t + 10) - t * t));
  }
  CHECK(seen.size() == 45);
}

TEST_CASE("pairs: fewer are a prefix; corruption has its standard deviation", "[surrogate]") {
  const Tensor<float> states = attractor(4, 5000, 1);
  const Rows few = read({states, shift, scale, {.samples = 100, .seed = 3}}),
             many = read({states, shift, scale, {.samples = 15000, .seed = 3}}),
             noisy = read({states, shift, scale, {.samples = 15000, .corruption = 0.2, .seed = 3}}),
             other = read({states, shift, scale, {.samples = 100, .seed = 4}});
  CHECK(std::equal(few.x.begin(), few.x.end(), many.x.begin()));
  CHECK(!identical(few.x, other.x));
  CHECK(identical(many.x, noisy.x));
  double square = 0;
  for (std::size_t i = 0; i < many.y.size(); ++i)
    square += (noisy.y[i] - many.y[i]) * (noisy.y[i] - many.y[i]);
  // 45,000 normal numbers: the deviation is known to 1 / sqrt(90,000) = 0.3 %; three of these.
  CHECK(std::sqrt(square / static_cast<double>(many.y.size())) == Approx(0.2).epsilon(0.01));
}

TEST_CASE("pairs: what does not fit is refused, and says what there is", "[surrogate]") {
  const Tensor<float> states = numbered(2, 10);
  CHECK_THROWS_WITH(TrainingPairs(states, shift, scale, {.lead = 10, .samples = 1}),
                    contains_text("at least 11 times; these have 10"));
  CHECK_THROWS_AS(TrainingPairs(states, shift, scale, {.lead = 10, .samples = 1}), InputError);
  CHECK_THROWS_WITH(TrainingPairs(states, shift, scale, {.lead = 4, .samples = 13}),
                    contains_text("hold 12 pairs"));
  CHECK_THROWS_AS(TrainingPairs(states, {0}, {1}, {.lead = 1, .samples = 1}), ArgumentError);
  CHECK_THROWS_AS(TrainingPairs(states, shift, scale, {.lead = 0, .samples = 1}), ArgumentError);
  CHECK_THROWS_AS(TrainingPairs(states, shift, scale, {.lead = 1, .samples = 1, .corruption = -1}),
                  ArgumentError);
}

TEST_CASE("lambda: the search finds the smallest validation error", "[surrogate]") {
  const Tensor<float> states = attractor(4, 2000, 1), others = attractor(2, 2000, 2);
  const FeaturesPtr features = polynomial_features(3, 3);
  const TrainingPairs pairs(states, shift, scale, {.samples = 60, .corruption = 0.3}),
      validation(others, shift, scale, {.samples = 2000});
  const RidgeSystem system = ridge_system(*features, pairs);
  const LambdaSearch search = search_lambda(system, *features, validation);
  REQUIRE(search.lambdas.size() == 29);
  for (std::size_t i = 0; i < search.lambdas.size(); ++i) {
    const double alone =
        prediction_errors(*features, {system.solve(search.lambdas[i])}, validation)[0];
    CHECK(alone == search.errors[i]);
  }
  const auto best = std::min_element(search.errors.begin(), search.errors.end());
  CHECK(search.best.lambda ==
        search.lambdas[static_cast<std::size_t>(best - search.errors.begin())]);
  // 19 terms on 60 noisy samples: neither the smallest nor the largest lambda is best.
  CHECK(search.best.lambda > 1e-10);
  CHECK(search.best.lambda < 1);
}

TEST_CASE("roll-out: steps repeated; threads do not matter", "[surrogate]") {
  const Tensor<float> states = attractor(8, 1500, 1);
  const Surrogate s = fitted(random_fourier_features(3, {.count = 64, .width = 0.2}), states);
  Tensor<float> initial(Shape{600, 3});
  std::copy_n(states.data(), initial.size(), initial.data());
  const Rollout forecast = rollout(s, initial, 7);
  Tensor<double> x = cast<double>(initial);
  for (int lead = 0; lead < 7; ++lead) x = s.step(x);
  double worst = 0;
  for (std::size_t w = 0; w < 600; ++w)
    for (std::size_t j = 0; j < 3; ++j)
      worst = std::max(
          worst, std::abs(x(w, j) - static_cast<double>(forecast.states[(w * 7 + 6) * 3 + j])));
  CHECK(worst < 5e-6);  // states up to 50 are kept in single precision
  set_thread_count(1);
  CHECK(identical(rollout(s, initial, 7).states, forecast.states));
  set_thread_count(0);
  CHECK_THROWS_AS(rollout(s, initial, 0), ArgumentError);
  CHECK_THROWS_AS(rollout(s, Tensor<float>::zeros({4, 2}), 1), ShapeError);
}

TEST_CASE("roll-out: divergence is held at the edge of the box", "[surrogate]") {
  const Tensor<float> initial = Tensor<float>::matrix({{3, -1, 0}, {0.001f, 0, 0}});
  const Rollout forecast = rollout(multiplier(2), initial, 5, 10);
  CHECK(forecast.diverged_at == std::vector<std::uint32_t>{2, 6});  // 3, 6, 12
  const float expected[] = {6, -2, 0, 10, -4, 0, 10, -4, 0, 10, -4, 0, 10, -4, 0};
  for (std::size_t i = 0; i < 15; ++i) CHECK(forecast.states[i] == expected[i]);
  const Rollout infinite = rollout(multiplier(std::numeric_limits<double>::infinity()), initial, 3);
  CHECK(infinite.diverged_at == std::vector<std::uint32_t>{1, 1});
  CHECK(all_finite(infinite.states));
}

TEST_CASE("scores: by hand", "[surrogate]") {
  // Truth is 1 throughout; the surrogate grows by 1.25: its error is 1.25^l - 1 in each component.
  const Tensor<float> ones = Tensor<float>::ones({2, 50, 3});
  ScoreOptions o{.lead = 2, .leads = 10, .windows = 40, .threshold = 1, .lyapunov_exponent = 2};
  const SurrogateTest test(ones, ones, {0, 0, 0}, {1, 1, 1}, o);
  CHECK(test.windows() == 40);
  const SurrogateScores s = test.score(multiplier(1.25));
  for (std::size_t l = 0; l < 10; ++l) {
    const double error = std::pow(1.25, static_cast<double>(l + 1)) - 1;
    CHECK(s.lead[l] == l + 1);
    CHECK(s.mse[l] == Approx(error * error).epsilon(1e-6));
    CHECK(s.mae[l] == Approx(error).epsilon(1e-6));
    CHECK(s.nrmse[l] == Approx(error).epsilon(1e-6));
    CHECK(s.diverged[l] == 0);
  }
  // 1.25^4 - 1 = 1.44 is the first error above 1: four steps of 0.1, times 2.
  CHECK(s.valid_time == Approx(4 * 0.1 * 2));
  CHECK(s.always_valid == 0);
  CHECK(s.hellinger == 1);  // not once in the bin of the truth
  CHECK(s.hellinger_floor == 0);
  const SurrogateScores perfect = test.score(multiplier(1));
  CHECK(perfect.nrmse.back() == 0);
  CHECK(perfect.always_valid == 1);
  CHECK(perfect.valid_time == Approx(10 * 0.1 * 2));
  CHECK(test.score(multiplier(3)).diverged.back() == 1);
  const auto few = Tensor<float>::ones({1, 20, 3});
  CHECK_THROWS_WITH(SurrogateTest(few, ones, {0, 0, 0}, {1, 1, 1}, o),
                    contains_text("at least 21 times; these have 20"));
  CHECK_THROWS_AS(SurrogateTest(ones, ones, shift, scale, o).score(multiplier(1)), ArgumentError);
}

TEST_CASE("a good surrogate has the attractor and the leading exponent of Lorenz-63",
          "[surrogate]") {
  const Tensor<float> train = attractor(16, 4000, 1), other = attractor(16, 4000, 2);
  const Surrogate s =
      fitted(random_fourier_features(3, {.count = 200, .width = 0.1}), train, 1e-12, 32768);
  const SurrogateTest test(other, train, shift, scale, {.leads = 60, .windows = 1000});
  const SurrogateScores scores = test.score(s);
  CHECK(scores.nrmse[0] < 2e-3);
  CHECK(scores.nrmse[59] < 1);
  CHECK(scores.valid_time > 4);
  // The floor is of trajectories that are not the reference; the forecasts follow those that are
  // for the first part of their way, and so may score a little better.
  CHECK(scores.hellinger < 1.1 * scores.hellinger_floor);
  CHECK(scores.hellinger > 0.5 * scores.hellinger_floor);
  Tensor<double> states(Shape{32, 3});
  for (std::size_t i = 0; i < states.size(); ++i)
    states[i] = static_cast<double>(other[i % 3 + i / 3 * 6000]);
  const LyapunovSpectrum spectrum =
      surrogate_lyapunov(s, states, {.alignment = 50, .steps = 300, .orthonormalise_every = 1});
  CHECK(spectrum.standard_errors[0] < 0.06);
  CHECK(spectrum.exponents[0] == Approx(0.906).margin(4 * spectrum.standard_errors[0]));
  CHECK_THROWS_AS(surrogate_lyapunov(s, Tensor<double>::zeros({1, 3}), {}), ShapeError);
}
