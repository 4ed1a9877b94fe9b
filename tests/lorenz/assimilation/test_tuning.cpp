// Searches for a parameter, and the statistics of generated ensembles.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/ensemble_statistics.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/tuning.hpp"

using namespace papillon;
using namespace papillon::testing;

TEST_CASE("grid and golden section find a minimum", "[assimilation]") {
  std::size_t calls = 0;
  const TuningObjective valley = [&](double x) {
    ++calls;
    return Estimate{std::abs(x - 1.3) + 0.1 * (x - 1.3) * (x - 1.3), 0.01, 0.02};
  };
  const TuningCurve grid = grid_search(valley, {2, 1, 1.2, 1.4, 1.2});
  CHECK(calls == 4);
  CHECK(grid.points.size() == 4);
  CHECK(grid.points[0].parameter == 1);
  CHECK((grid.best == 1.2 || grid.best == 1.4));
  CHECK_FALSE(grid.at_an_end);
  CHECK(grid.points[1].score.se_batches == 0.02);
  calls = 0;
  const TuningCurve golden = golden_section(valley, 1, 3, 1e-3);
  CHECK(golden.best == Approx(1.3).margin(1e-3));
  // The interval shrinks to 0.618 with each: 2 * 0.618^n < 1e-3 after 16, four to begin with.
  CHECK(calls == 4 + 16);
  for (std::size_t i = 1; i < golden.points.size(); ++i)
    CHECK(golden.points[i - 1].parameter <= golden.points[i].parameter);
  CHECK(grid_search(valley, {2, 3, 4}).at_an_end);
  CHECK_THROWS_AS(grid_search(valley, {}), ArgumentError);
  CHECK_THROWS_AS(golden_section(valley, 3, 1, 0.1), ArgumentError);
}

TEST_CASE("an experiment that fails has the worst of scores", "[assimilation]") {
  const TuningObjective cliff = [](double x) {
    if (x < 1) throw AssimilationError(AssimilationFailure::diverged, 3, 1, "diverged");
    return Estimate{x, 0, 0};
  };
  const TuningCurve curve = grid_search(cliff, {0.5, 1, 2});
  CHECK(curve.best == 1);
  CHECK(std::isinf(curve.points[0].score.value));
  CHECK_THROWS_AS(grid_search(cliff, {0.1, 0.2}), NumericalError);
  const TuningObjective typo = [](double) -> Estimate { throw ArgumentError("wrong"); };
  CHECK_THROWS_AS(grid_search(typo, {1}), ArgumentError);
}

TEST_CASE("Gaussian ensembles have the spread, and no skewness or kurtosis to speak of",
          "[assimilation]") {
  const Matrix c = Matrix::matrix({{4, 1}, {1, 2}});
  const std::size_t n = 2000, members = 50;
  const Matrix states = random_normal<double>({n, 2}, {1, 1});
  std::vector<RandomAddress> addresses;
  for (std::size_t i = 0; i < n; ++i) addresses.push_back({2, i, 0});
  const std::vector<double> scale = {2, 1};
  const auto statistics = [&](const SourcePointer& source) {
    return ensemble_statistics(source->generate(states, addresses), states, scale);
  };
  const EnsembleStatistics of = statistics(gaussian_source(c, members));
  // Mean of 4 / 4 and 2 / 1 is 1.5; its standard error is below 1.5 sqrt(2 / 50 / 2000).
  CHECK(of.spread_pooled == Approx(std::sqrt(1.5)).margin(4 * 1.5 * std::sqrt(2 / 1e5) / 2));
  CHECK(of.shift_pooled == Approx(std::sqrt(1.5 / 50)).epsilon(0.05));
  CHECK(std::abs(of.skewness) < 4 * of.skewness_se);
  CHECK(std::abs(of.kurtosis) < 4 * of.kurtosis_se);
  // Tests at 5 %: 2000 of them give +-0.5 %; the quantiles are asymptotic, and skewness and
  // kurtosis of 50 members are not Gaussian yet.
  CHECK(of.rejected_by_skewness == Approx(0.05).margin(0.02));
  CHECK(of.rejected_by_kurtosis == Approx(0.05).margin(0.035));
  CHECK(of.degenerate == 0);

  // Cubes of normals are anything but.
  Tensor<double> cubes = gaussian_source(c, members)->generate(states, addresses);
  for (std::size_t i = 0; i < cubes.size(); ++i) {
    const double d = cubes[i] - states[i / (members * 2) * 2 + i % 2];
    cubes[i] = d * d * d;
  }
  const EnsembleStatistics heavy = ensemble_statistics(cubes, states, scale);
  CHECK(heavy.kurtosis > 20 * heavy.kurtosis_se);
  CHECK(heavy.rejected_by_kurtosis > 0.9);

  // Ensembles on a line have no inverse covariance.
  const EnsembleStatistics line =
      ensemble_statistics(Tensor<double>::zeros({3, 5, 2}), Matrix::zeros({3, 2}), scale);
  CHECK(line.degenerate == 3);
  CHECK(line.spread_pooled == 0);
  CHECK_THROWS_AS(
      ensemble_statistics(Tensor<double>::zeros({3, 3, 2}), Matrix::zeros({3, 2}), scale),
      ArgumentError);
  CHECK_THROWS_AS(
      ensemble_statistics(Tensor<double>::zeros({3, 5, 2}), Matrix::zeros({2, 2}), scale),
      ShapeError);
}

TEST_CASE("a spread curve turns a spread into a start step", "[assimilation]") {
  const Matrix c = Matrix::matrix({{1, 0}, {0, 1}});
  const std::vector<double> scale = {1, 1};
  const SpreadCurve curve =
      spread_curve([&](int start) { return gaussian_source(c, 1000, start * 0.1); }, {20, 5, 10},
                   random_normal<double>({50, 2}, {1, 1}), scale);
  CHECK(curve.start_steps == std::vector<int>{5, 10, 20});
  // The same numbers for each: spreads are proportional to the step to rounding, and known to 1 %.
  CHECK(curve.statistics[2].spread_pooled == Approx(2).epsilon(0.01));
  const double spread = 1.5 * curve.statistics[1].spread_pooled;
  CHECK(start_step_for_spread(curve, spread) == Approx(15).epsilon(1e-9));
  CHECK_THROWS_AS(start_step_for_spread(curve, 5), ArgumentError);
}
