// Ensemble methods against the Kalman update, and against each other where they must agree.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/methods/enkf_n.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/methods/letkf.hpp"
#include "papillon/lorenz/assimilation/methods/stochastic_enkf.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

auto by_etkf(const EtkfOptions& options = {}) {
  return [options](AnalysisCase& one, Arena& memory) { etkf_analysis(one, options, memory); };
}
auto by_letkf(const LetkfOptions& options) {
  return [options](AnalysisCase& one, Arena& memory) { letkf_analysis(one, options, memory); };
}
auto by_enkf(const StochasticEnkfOptions& options = {}) {
  return [options](AnalysisCase& one, Arena& memory) {
    stochastic_enkf_analysis(one, options, memory);
  };
}
auto by_enkf_n(const EnkfNOptions& options = {}) {
  return [options](AnalysisCase& one, Arena& memory) { enkf_n_analysis(one, options, memory); };
}

Matrix column(const std::vector<double>& y) {
  return Matrix(Shape{y.size(), 1}, y);
}

void check_moments(const Matrix& ensemble, const Gaussian& expected, double tolerance) {
  const Gaussian of = moments(ensemble);
  CHECK(largest_difference(of.mean, expected.mean) < tolerance);
  CHECK(largest_difference(of.covariance, expected.covariance) < tolerance);
}

}  // namespace

// The update is algebra: the tolerance is rounding for numbers of order 10.
constexpr double exact = 1e-10;

TEST_CASE("the ETKF is the Kalman update of its ensemble's moments", "[assimilation]") {
  for (const std::size_t members : {2, 3, 5, 12, 60}) {
    const Matrix x = some_ensemble(members, 4, members);
    const Matrix h = random_normal<double>({3, 4}, {1, members});
    const Matrix r = some_covariance(3, 2);
    const std::vector<double> y = {1, -2, 0.5};
    const ObservationModel model(ObservationOperator::linear(h), r);
    check_moments(analyse(x, model, y, by_etkf()), kalman_update(moments(x), h, r, column(y)),
                  exact);
    // More observations than members.
    const Matrix wide = random_normal<double>({7, 4}, {2, members});
    const ObservationModel many(ObservationOperator::linear(wide), 0.7);
    const std::vector<double> all = {1, -2, 0.5, 3, 0, 0, 1};
    check_moments(analyse(x, many, all, by_etkf()),
                  kalman_update(moments(x), wide, many.covariance(), column(all)), exact);
  }
}

TEST_CASE("a missing observation is as if it had not been there", "[assimilation]") {
  const Matrix x = some_ensemble(6, 3, 1), r = some_covariance(3, 3);
  Matrix h = Matrix::zeros({2, 3}), part(Shape{2, 2});
  h(0, 0) = h(1, 2) = 1;
  part(0, 0) = r(0, 0);
  part(0, 1) = part(1, 0) = r(0, 2);
  part(1, 1) = r(2, 2);
  const ObservationModel model(ObservationOperator::all(3), r);
  check_moments(analyse(x, model, {1, missing, 2}, by_etkf()),
                kalman_update(moments(x), h, part, column({1, 2})), exact);
  for (const auto& f : {std::function(by_etkf({2, 2, true})), std::function(by_enkf({2, 2})),
                        std::function(by_enkf_n()), std::function(by_letkf({2, 2, true}))})
    CHECK(identical(analyse(x, model, {missing, missing, missing}, f), x));
}

TEST_CASE("each inflation multiplies what its name says", "[assimilation]") {
  const Matrix x = some_ensemble(8, 3, 2);
  const ObservationModel model(ObservationOperator::components(3, {0, 1}), 1.5);
  const std::vector<double> y = {2, 1};
  const Matrix& h = model.h().matrix();
  Gaussian prior = moments(x);
  for (double& c : prior.covariance) c *= 1.3;
  const Gaussian inflated = kalman_update(prior, h, model.covariance(), column(y));
  check_moments(analyse(x, model, y, by_etkf({1.3, 1})), inflated, exact);

  Gaussian after = kalman_update(moments(x), h, model.covariance(), column(y));
  for (double& c : after.covariance) c *= 1.3 * 1.3;
  check_moments(analyse(x, model, y, by_etkf({1, 1.3})), after, exact);

  // A rotation changes members, not moments.
  const Matrix rotated = analyse(x, model, y, by_etkf({1.3, 1, true}), {1, 2, 3});
  check_moments(rotated, inflated, exact);
  CHECK(largest_difference(rotated, analyse(x, model, y, by_etkf({1.3, 1}))) > 0.01);

  // The stochastic filter inflates before it updates.
  const Matrix stochastic = analyse(x, model, y, by_enkf({1.3, 1}));
  CHECK(largest_difference(moments(stochastic).mean, inflated.mean) < exact);
  CHECK_THROWS_AS(etkf(1), ArgumentError);
  CHECK_THROWS_AS(etkf(3, {0, 1}), ArgumentError);
}

TEST_CASE("the EnKF with perturbed observations converges to the Kalman update", "[assimilation]") {
  const std::size_t members = 20000;
  const Matrix x = some_ensemble(members, 3, 3);
  const Matrix h = random_normal<double>({2, 3}, {1, 1}), r = some_covariance(2, 4);
  const std::vector<double> y = {1, -1};
  const Gaussian expected = kalman_update(moments(x), h, r, column(y));
  const ObservationModel model(ObservationOperator::linear(h), r);
  const Gaussian centred = moments(analyse(x, model, y, by_enkf()));
  // Centred perturbations: the mean is exact. Covariances scatter by P sqrt(2 / M), 1 % of P here;
  // the prior's largest variance is about 5.
  CHECK(largest_difference(centred.mean, expected.mean) < 1e-9);
  CHECK(largest_difference(centred.covariance, expected.covariance) < 4 * 0.01 * 5);
  const Gaussian free = moments(analyse(x, model, y, by_enkf({1, 1, true})));
  CHECK(largest_difference(free.mean, expected.mean) < 4 * std::sqrt(5 / 20000.0));
  CHECK(largest_difference(free.mean, expected.mean) > 1e-6);
}

TEST_CASE("the LETKF without localisation is the ETKF", "[assimilation]") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::size_t members : {3, 10}) {
    const Matrix x = some_ensemble(members, 8, 5);
    const ObservationModel model(ObservationOperator::components(8, {0, 3, 4, 7}),
                                 std::vector<double>{1, 2, 0.5, 1});
    const std::vector<double> y = {1, missing, 0, 2};
    for (const bool rotate : {false, true})
      CHECK(largest_difference(
                analyse(x, model, y, by_letkf({1.1, 1.02, rotate, infinity}), {1, 2, 3}),
                analyse(x, model, y, by_etkf({1.1, 1.02, rotate}), {1, 2, 3})) < exact);
  }
}

TEST_CASE("the LETKF updates a place with its neighbourhood only", "[assimilation]") {
  const Matrix x = some_ensemble(4, 20, 6);
  const ObservationModel model(ObservationOperator::components(20, {0}), 1.0);
  const Matrix near = analyse(x, model, {3}, by_letkf({1, 1, false, 2.5}));  // sees 0 ... 4
  for (std::size_t i = 0; i < 20; ++i) {
    double change = 0;
    for (std::size_t m = 0; m < 4; ++m) change = std::max(change, std::abs(near(m, i) - x(m, i)));
    const double distance = ring_distance(static_cast<double>(i), 0, 20);
    INFO("place " << i << " changes by " << change);
    CHECK((change > 1e-6) == (distance < 5));
  }
  // At the observation itself the taper is 1: the ETKF's update of that component.
  const Matrix whole = analyse(x, model, {3}, by_etkf());
  for (std::size_t m = 0; m < 4; ++m) CHECK(near(m, 0) == Approx(whole(m, 0)).margin(exact));
  // With a single observation, tapering by c is the same as R / c.
  const ObservationModel weak(ObservationOperator::components(20, {0}),
                              1 / std::sqrt(gaspari_cohn(3, 2.5)));
  const Matrix weaker = analyse(x, weak, {3}, by_etkf());
  for (std::size_t m = 0; m < 4; ++m) CHECK(near(m, 17) == Approx(weaker(m, 17)).margin(exact));

  const MethodPointer method = letkf(4);
  CHECK_THROWS_AS(
      method->check(ObservationModel(ObservationOperator::all(2), some_covariance(2, 1))),
      ArgumentError);
  CHECK_THROWS_AS(
      method->check(ObservationModel(ObservationOperator::linear(Matrix::matrix({{1, 1}})), 1.0)),
      ArgumentError);
  LetkfOptions placed;
  placed.distance = [](std::size_t, std::size_t) { return 0.0; };
  CHECK_NOTHROW(letkf(4, placed)->check(
      ObservationModel(ObservationOperator::linear(Matrix::matrix({{1, 1}})), 1.0)));
}

TEST_CASE("the LETKF leaves a place that no observation reaches as it is, to the last bit",
          "[assimilation]") {
  const Matrix x = some_ensemble(4, 20, 6);
  const ObservationModel model(ObservationOperator::components(20, {0, 1, 9}), 1.0);
  for (const bool rotate : {false, true})
    for (const double prior : {1.0, 1.2, 3.0})
      for (const double posterior : {1.0, 1.5}) {
        // What is missing reaches nothing: place 9 and its neighbours stay, too.
        const Matrix after =
            analyse(x, model, {3, 2, missing}, by_letkf({prior, posterior, rotate, 2.5}));
        for (std::size_t i = 0; i < 20; ++i) {
          const bool reached = ring_distance(static_cast<double>(i), 0, 20) < 5 ||
                               ring_distance(static_cast<double>(i), 1, 20) < 5;
          bool same = true;
          for (std::size_t m = 0; m < 4; ++m) same &= after(m, i) == x(m, i);
          INFO("place " << i);
          CHECK(same != reached);
        }
      }
  // Where all are reached, all turn together.
  const Matrix still = analyse(x, model, {3, 2, 1}, by_letkf({1, 1, false, 6})),
               turned = analyse(x, model, {3, 2, 1}, by_letkf({1, 1, true, 6}));
  for (std::size_t i = 0; i < 20; ++i) CHECK(std::abs(turned(0, i) - still(0, i)) > 1e-6);
}

TEST_CASE("the EnKF-N becomes the ETKF with many members", "[assimilation]") {
  const std::size_t members = 4000;
  const Matrix x = some_ensemble(members, 3, 7);
  const ObservationModel model(ObservationOperator::components(3, {0, 2}), 1.0);
  const std::vector<double> y = {2, 1};
  const Gaussian expected = moments(analyse(x, model, y, by_etkf()));
  for (const bool corrected : {false, true})
    for (const int gauge : {0, 1}) {
      EnkfNOptions options;
      options.without_mode_correction = !corrected;
      options.gauge = gauge;
      const Gaussian of = moments(analyse(x, model, y, by_enkf_n(options)));
      // zeta / (M - 1) differs from 1 by a few / M: relative differences of that order.
      CHECK(largest_difference(of.mean, expected.mean) < 0.005);
      CHECK(largest_difference(of.covariance, expected.covariance) < 0.005);
    }
}

TEST_CASE("the EnKF-N minimises its primal cost, and widens the ensemble for a surprise",
          "[assimilation]") {
  const std::size_t members = 4;
  const Matrix x = some_ensemble(members, 3, 8);
  const ObservationModel model(ObservationOperator::all(3), 0.8);
  const Gaussian prior = moments(x);
  EnkfNOptions options;
  options.without_mode_correction = true;
  options.gauge = 1;
  // J(w) = 1/2 |y - H(mean + X w)|^2 / 0.64 + (M+1)/2 ln(epsilon + w.w), X the anomalies.
  const auto cost = [&](const Matrix& w, const std::vector<double>& y) {
    double squares = 0, sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      double state = prior.mean[i];
      for (std::size_t m = 0; m < members; ++m) state += (x(m, i) - prior.mean[i]) * w[m];
      sum += (y[i] - state) * (y[i] - state) / 0.64 / 2;
    }
    for (const double v : w) squares += v * v;
    return sum + 2.5 * std::log(1.25 + squares);
  };
  double narrow = 0;
  for (const double surprise : {0.0, 1.0, 30.0}) {
    std::vector<double> y = {prior.mean[0] + surprise, prior.mean[1], prior.mean[2] - surprise};
    const Matrix after = analyse(x, model, y, by_enkf_n(options));
    // The weights of the mean, w with sum 0, from the anomalies (three of four are independent).
    const Gaussian of = moments(after);
    Matrix basis(Shape{3, 3});  // rows: anomaly m minus anomaly 3
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t i = 0; i < 3; ++i) basis(i, m) = x(m, i) - x(3, i);
    const Matrix normal = times(transpose(basis), basis);
    const Matrix moved = plus(of.mean, prior.mean, -1);
    const Matrix solved = solve_cholesky(cholesky(normal), times(transpose(basis), moved));
    Matrix w = Matrix::zeros({4});
    for (std::size_t m = 0; m < 3; ++m) {
      w[m] += solved[m];
      w[3] -= solved[m];
    }
    const double best = cost(w, y);
    for (std::uint64_t k = 0; k < 200; ++k) {
      Matrix other = random_normal<double>({4}, {9, k});
      double mean = 0;
      for (const double v : other) mean += v / 4;
      const double size = std::pow(10.0, -static_cast<double>(k % 5));
      for (std::size_t m = 0; m < 4; ++m) other[m] = w[m] + size * (other[m] - mean);
      CHECK(cost(other, y) >= best - 1e-9);
    }
    const double trace = of.covariance(0, 0) + of.covariance(1, 1) + of.covariance(2, 2);
    if (surprise == 0) narrow = trace;
    if (surprise == 30) CHECK(trace > 1.2 * narrow);
  }
}

TEST_CASE("with the mode corrected, the EnKF-N leaves alone what is not observed",
          "[assimilation]") {
  // R -> infinity: the Kalman update is none; so should be this.
  const Matrix x = some_ensemble(5, 3, 9);
  const ObservationModel model(ObservationOperator::all(3), 1e6);
  const std::vector<double> y = {0, 0, 0};
  CHECK(largest_difference(analyse(x, model, y, by_enkf_n()), x) < 1e-4);
  EnkfNOptions plain;
  plain.without_mode_correction = true;
  plain.gauge = 1;
  const Gaussian before = moments(x), after = moments(analyse(x, model, y, by_enkf_n(plain)));
  CHECK(after.covariance(0, 0) == Approx(before.covariance(0, 0) * 4 / 5).epsilon(1e-6));
}
