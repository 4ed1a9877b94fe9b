// Methods with a static covariance, against the Kalman update and against each other.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/methods/climatology_method.hpp"
#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/hybrid.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"
#include "papillon/lorenz/assimilation/methods/three_d_var.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double exact = 1e-10;  // rounding

auto by_oi(const Matrix& b) {
  return [b](AnalysisCase& one, Arena& memory) { optimal_interpolation_analysis(one, b, memory); };
}
auto by_3dvar(const Matrix& b, const ThreeDVarOptions& options = {}) {
  return [l = cholesky(b), options](AnalysisCase& one, Arena& memory) {
    three_d_var_analysis(one, l, options, memory);
  };
}
auto by_method(const MethodPointer& method) {
  return [method](AnalysisCase& one, Arena& memory) { method->analyse({&one, 1}, memory); };
}

// The state and the variances that a method reports.
struct Reported {
  Matrix state, background, analysis;
};
template <class Analyse>
Reported with_report(Matrix state, std::size_t rows, const ObservationModel& model,
                     const std::vector<double>& y, Analyse f) {
  Arena memory;
  const std::size_t d = state.extent(1);
  Reported out{std::move(state), Matrix(Shape{rows, d}), Matrix(Shape{rows, d})};
  const Observation observed(model, y, memory);
  AnalysisCase one{
      rows_of(out.state), &observed, {}, {rows_of(out.background), rows_of(out.analysis)}};
  f(one, memory);
  return out;
}

}  // namespace

TEST_CASE("OI and 3D-Var are the Kalman update with B, and report its variances",
          "[assimilation]") {
  const Matrix b = some_covariance(4, 1), r = some_covariance(3, 2);
  const Matrix h = random_normal<double>({3, 4}, {1, 1});
  const ObservationModel model(ObservationOperator::linear(h), r);
  const Matrix x = Matrix::matrix({{1, 2, 3, 4}});
  const std::vector<double> y = {2, 0, -1};
  const Gaussian expected = kalman_update({transpose(x), b}, h, r, Matrix(Shape{3, 1}, y));
  const auto check = [&](const Reported& of) {
    CHECK(largest_difference(of.state, transpose(expected.mean)) < exact);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(of.background[i] == Approx(b(i, i)).epsilon(1e-12));
      CHECK(of.analysis[i] == Approx(expected.covariance(i, i)).epsilon(1e-9));
    }
  };
  check(with_report(x, 1, model, y, by_oi(b)));
  check(with_report(x, 1, model, y, by_3dvar(b)));
  Matrix quarter = b;
  for (double& v : quarter) v /= 4;
  check(with_report(x, 1, model, y, by_method(optimal_interpolation(quarter, 2))));
  check(with_report(x, 1, model, y, by_method(three_d_var(quarter, 2))));

  // A first guess takes the place of the background, whatever that is.
  const auto from_guess = with_report(Matrix::matrix({{-7, 0, 30, 1}}), 1, model, y,
                                      by_method(optimal_interpolation(quarter, 2, {1, 2, 3, 4})));
  check(from_guess);
  CHECK_THROWS_AS(optimal_interpolation(b, 1, {1, 2}), ShapeError);

  // Missing observations, one and all.
  for (const std::vector<double>& some :
       {std::vector<double>{missing, 0, -1}, std::vector<double>(3, missing)})
    CHECK(largest_difference(analyse(x, model, some, by_oi(b)),
                             analyse(x, model, some, by_3dvar(b))) < exact);
  CHECK(identical(analyse(x, model, std::vector<double>(3, missing), by_oi(b)), x));
  CHECK_THROWS_AS(optimal_interpolation(Matrix::matrix({{1, 2}, {2, 1}})), NumericalError);
  CHECK_THROWS_AS(three_d_var(b, -1), ArgumentError);
  CHECK_THROWS_AS(three_d_var(b)->check(ObservationModel(ObservationOperator::all(3), 1.0)),
                  ShapeError);
}

TEST_CASE("3D-Var with a nonlinear operator ends where the cost is flat", "[assimilation]") {
  const Matrix b = some_covariance(3, 3);
  const Matrix inverse =
      solve_cholesky(cholesky(b), Matrix::matrix({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}));
  const Matrix x = Matrix::matrix({{1.5, 0.8, 2}});
  for (const char* name : {"cube", "square", "exp", "log", "tanh"}) {
    const ObservationModel model(
        ObservationOperator::components(3, {0, 2},
                                        parse_enum<Pointwise>(name, "observation function")),
        0.5);
    const std::vector<double> y = {0.7, 0.9};
    ThreeDVarOptions options;
    options.outer_loops = 100;
    const Matrix a = analyse(x, model, y, by_3dvar(b, options));
    const auto cost = [&](const Matrix& state) {
      Matrix predicted(Shape{1, 2}), copy = state;
      model.h().apply(rows_of(copy), rows_of(predicted));
      double j = 0;
      for (std::size_t i = 0; i < 2; ++i)
        j += (y[i] - predicted[i]) * (y[i] - predicted[i]) / 0.25 / 2;
      const Matrix d = transpose(plus(state, x, -1));
      return j + times(transpose(d), times(inverse, d)).item() / 2;
    };
    constexpr double h = 1e-5;
    INFO(name << " J " << cost(a) << " from " << cost(x));
    CHECK(cost(a) < cost(x));
    for (std::size_t i = 0; i < 3; ++i) {
      Matrix up = a, down = a;
      up[i] += h;
      down[i] -= h;
      // Steps end below 1e-8 deviations; J'' is below 1e3 here.
      CHECK(std::abs(cost(up) - cost(down)) / (2 * h) < 1e-4);
    }
  }
}

TEST_CASE("EnOI is deterministic in the mean, and the sigma points give optimal interpolation",
          "[assimilation]") {
  const Matrix c = Matrix::matrix({{0.52, 0.747, 0}, {0.747, 1.378, 0.001}, {0, 0.001, 1.177}});
  const ObservationModel model(ObservationOperator::all(3), 2.0);
  const Matrix x = Matrix::matrix({{1, 2, 25}});
  const std::vector<double> y = {3, 1, 24};
  Matrix b = c;
  for (double& v : b) v *= 1.72 * 1.72;
  const Matrix expected = analyse(x, model, y, by_oi(b));
  const Reported sigma = with_report(x, 6, model, y, by_method(enoi(sigma_point_source(c, 1.72))));
  CHECK(largest_difference(sigma.state, expected) < exact);
  // The ensembles that it reports are centred on background and analysis, with Kalman's moments.
  const Gaussian before = moments(sigma.background), after = moments(sigma.analysis);
  const Gaussian kalman = kalman_update({transpose(x), b}, model.h().matrix(), model.covariance(),
                                        Matrix(Shape{3, 1}, y));
  CHECK(largest_difference(before.covariance, b) < exact);
  CHECK(largest_difference(before.mean, transpose(x)) < exact);
  CHECK(largest_difference(after.covariance, kalman.covariance) < exact);
  CHECK(largest_difference(after.mean, kalman.mean) < exact);

  // The inflation inside the analysis is a variance.
  EnoiOptions variance;
  variance.prior_variance_inflation = 1.72 * 1.72;
  CHECK(largest_difference(analyse(x, model, y, by_method(enoi(sigma_point_source(c), variance))),
                           expected) < exact);

  // Drawn ensembles: the analysis differs by its gain's sampling error, about K sqrt(2 / M).
  const Matrix drawn =
      analyse(x, model, y, by_method(enoi(gaussian_source(c, 20000, 1.72))), {1, 2, 3});
  CHECK(largest_difference(drawn, expected) < 4 * 2 * std::sqrt(2 / 20000.0));
  CHECK_THROWS_AS(enoi(nullptr), ArgumentError);
  CHECK_THROWS_AS(
      enoi(sigma_point_source(c))->check(ObservationModel(ObservationOperator::all(4), 1.0)),
      ShapeError);
}

TEST_CASE("EnOI compares the observations with the background, or with the ensemble's mean",
          "[assimilation]") {
  Matrix ensemble = some_ensemble(20, 3, 4);
  const ObservationModel model(ObservationOperator::all(3), 1.0);
  const Matrix x = Matrix::matrix({{1, 2, 3}});
  const std::vector<double> y = {0, 0, 0};
  const Gaussian of = moments(ensemble);
  const auto by = [&](InnovationOf what) {
    return analyse(x, model, y, [&](AnalysisCase& one, Arena& memory) {
      enoi_analysis(one, rows_of(ensemble), {1, what}, memory);
    });
  };
  const Matrix h = model.h().matrix(), r = model.covariance();
  const Matrix from_background =
      kalman_update({transpose(x), of.covariance}, h, r, Matrix::zeros({3, 1})).mean;
  const Matrix from_mean = kalman_update(of, h, r, Matrix::zeros({3, 1})).mean;
  CHECK(largest_difference(by(InnovationOf::background), transpose(from_background)) < exact);
  CHECK(largest_difference(by(InnovationOf::ensemble_mean),
                           transpose(plus(transpose(x), plus(from_mean, of.mean, -1)))) < exact);
}

TEST_CASE("the hybrid's mean is that of one ETKF with all members", "[assimilation]") {
  const Matrix x = some_ensemble(4, 3, 5);
  Matrix made = some_ensemble(15, 3, 6);
  const ObservationModel model(ObservationOperator::all(3), 1.5);
  const std::vector<double> y = {1, 1, 1};
  const Matrix after = analyse(x, model, y, [&](AnalysisCase& one, Arena& memory) {
    hybrid_analysis(one, rows_of(made), {}, memory);
  });
  const Gaussian of = moments(x), extra = moments(made);
  Matrix joint(Shape{19, 3});
  for (std::size_t m = 0; m < 19; ++m)
    for (std::size_t i = 0; i < 3; ++i)
      joint(m, i) = m < 4 ? x(m, i) : made(m - 4, i) - extra.mean[i] + of.mean[i];
  const Gaussian expected =
      kalman_update(moments(joint), model.h().matrix(), model.covariance(), Matrix(Shape{3, 1}, y));
  const Gaussian carried = moments(after);
  CHECK(largest_difference(carried.mean, expected.mean) < exact);
  const auto trace = [](const Matrix& c) { return c(0, 0) + c(1, 1) + c(2, 2); };
  CHECK(trace(carried.covariance) == Approx(trace(expected.covariance)).epsilon(1e-9));

  const MethodPointer method = hybrid_etkf(4, gaussian_source(some_covariance(3, 1), 10));
  CHECK(method->members() == 4);
  CHECK(
      identical(analyse(x, model, y, by_method(method)), analyse(x, model, y, by_method(method))));
  HybridOptions around;
  around.around_each_member = true;
  const MethodPointer each = hybrid_etkf(4, gaussian_source(some_covariance(3, 1), 10), around);
  CHECK(all_finite(analyse(x, model, y, by_method(each))));
  CHECK_THROWS_AS(hybrid_etkf(1, gaussian_source(some_covariance(3, 1), 10)), ArgumentError);
}

TEST_CASE("climatology knows nothing of observations", "[assimilation]") {
  const MethodPointer method = climatology_method({1, 2}, {3, 4});
  const ObservationModel model(ObservationOperator::all(2), 1.0);
  const Reported of = with_report(Matrix::matrix({{9, 9}}), 1, model, {5, 5}, by_method(method));
  CHECK(identical(of.state, Matrix::matrix({{1, 2}})));
  CHECK(identical(of.background, Matrix::matrix({{3, 4}})));
  CHECK(identical(of.analysis, Matrix::matrix({{3, 4}})));
  CHECK_THROWS_AS(climatology_method({1}, {1, 2}), ShapeError);
}
