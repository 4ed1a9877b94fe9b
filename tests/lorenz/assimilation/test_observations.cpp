// Operators, their derivatives, errors with and without correlations, missing numbers.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

Matrix apply(const ObservationOperator& h, Matrix states) {
  Matrix out(Shape{states.extent(0), h.observations()});
  h.apply(rows_of(states), rows_of(out));
  return out;
}

}  // namespace

TEST_CASE("operators pick, mix and transform", "[assimilation]") {
  const Matrix x = Matrix::matrix({{1, -2, 3}, {0.5, 4, -1}});
  CHECK(identical(apply(ObservationOperator::all(3), x), x));
  CHECK(identical(apply(ObservationOperator::components(3, {2, 0}), x),
                  Matrix::matrix({{3, 1}, {-1, 0.5}})));
  CHECK(identical(apply(ObservationOperator::linear(Matrix::matrix({{1, 1, 0}})), x),
                  Matrix::matrix({{-1}, {4.5}})));
  CHECK(identical(apply(ObservationOperator::components(3, {1}, Pointwise::cube), x),
                  Matrix::matrix({{-8}, {64}})));
  CHECK(identical(apply(ObservationOperator::all(3, Pointwise::square), x),
                  Matrix::matrix({{1, 4, 9}, {0.25, 16, 1}})));
  CHECK_THROWS_AS(ObservationOperator::components(3, {3}), ArgumentError);
  CHECK_THROWS_AS(ObservationOperator::components(3, {1, 1}), ArgumentError);
  CHECK_THROWS_AS(ObservationOperator::components(3, {}), ArgumentError);
  CHECK_THROWS_AS(ObservationOperator::linear(Matrix(Shape{3})), ShapeError);
  CHECK_THROWS_AS(parse_enum<Pointwise>("cubed", "observation function"), ArgumentError);
}

TEST_CASE("every named function has a name, the graph's value and its derivative",
          "[assimilation]") {
  for (const char* name :
       {"identity", "square", "cube", "abs", "exp", "log", "log1p_abs", "tanh"}) {
    const Pointwise f = parse_enum<Pointwise>(name, "observation function");
    CHECK(to_string(f) == name);
    const auto h = ObservationOperator::components(3, {2, 0}, f);
    const Matrix x = Matrix::matrix({{1.2, -0.7, 0.4}});
    const Matrix value = apply(h, x);
    CHECK(largest_difference(value, h(Var<double>(x)).value()) < 1e-15);
    Matrix jacobian(Shape{2, 3});
    h.jacobian(x.data(), jacobian.data());
    constexpr double step = 1e-6;
    for (std::size_t j = 0; j < 3; ++j) {
      Matrix up = x, down = x;
      up[j] += step;
      down[j] -= step;
      const Matrix slope = plus(apply(h, up), apply(h, down), -1);
      for (std::size_t i = 0; i < 2; ++i)  // error step^2 f''' / 6 + 1e-16 / step
        CHECK(jacobian(i, j) == Approx(slope[i] / (2 * step)).margin(1e-9));
    }
  }
}

TEST_CASE("a user's operator is differentiated by its graph", "[assimilation]") {
  // Wind speed from two components.
  const auto h = ObservationOperator::function(3, 1, [](const Var<double>& x) {
    const Var<double> u = slice(x, 1, 0, 1), v = slice(x, 1, 1, 2);
    return sqrt(u * u + v * v);
  });
  const Matrix x = Matrix::matrix({{3, 4, 7}});
  CHECK(apply(h, x)[0] == Approx(5));
  Matrix jacobian(Shape{1, 3});
  h.jacobian(x.data(), jacobian.data());
  CHECK(jacobian[0] == Approx(0.6));
  CHECK(jacobian[1] == Approx(0.8));
  CHECK(jacobian[2] == 0);
  const auto wrong =
      ObservationOperator::function(3, 2, [](const Var<double>& y) { return slice(y, 1, 0, 1); });
  CHECK_THROWS_AS(apply(wrong, x), ShapeError);
}

TEST_CASE("observations scatter around H(truth) with covariance R", "[assimilation]") {
  const Matrix r = Matrix::matrix({{2, 0.5}, {0.5, 1}});
  const ObservationModel correlated(ObservationOperator::components(3, {0, 2}), r);
  const ObservationModel plain(ObservationOperator::components(3, {0, 2}),
                               std::vector<double>{2, 0.5});
  const std::vector<double> truth = {1, 2, 3};
  const std::size_t samples = 20000;
  const double n = static_cast<double>(samples);
  for (const ObservationModel& model : {correlated, plain}) {
    Arena memory;
    Matrix y(Shape{samples, 2});
    for (std::size_t c = 0; c < samples; ++c)
      model.observe(truth.data(), {3, 1, c}, y.data() + 2 * c, memory);
    const Gaussian of = moments(y);
    const Matrix expected = model.covariance();
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(std::abs(of.mean[i] - truth[2 * i]) < 4 * std::sqrt(expected(i, i) / n));
      for (std::size_t j = 0; j < 2; ++j)
        CHECK(
            std::abs(of.covariance(i, j) - expected(i, j)) <
            4 * std::sqrt((expected(i, i) * expected(j, j) + expected(i, j) * expected(i, j)) / n));
    }
  }
  CHECK_THROWS_AS(ObservationModel(ObservationOperator::all(3), 0.0), ArgumentError);
  CHECK_THROWS_AS(ObservationModel(ObservationOperator::all(3), std::vector<double>{1, 2}),
                  ShapeError);
  CHECK_THROWS_AS(ObservationModel(ObservationOperator::all(3), r), ShapeError);
  CHECK_THROWS_AS(ObservationModel(ObservationOperator::all(2), Matrix::matrix({{1, 2}, {2, 1}})),
                  NumericalError);
  CHECK_THROWS_AS(
      ObservationModel(ObservationOperator::all(2), Matrix::matrix({{1, 0.5}, {0.1, 1}})),
      ArgumentError);
}

TEST_CASE("what is missing is left out, and the errors of the rest keep their covariance",
          "[assimilation]") {
  const Matrix r = some_covariance(4, 1);
  const ObservationModel model(ObservationOperator::all(4), r);
  Arena memory;
  const Observation y(model, std::vector<double>{1, missing, 3, 4}, memory);
  REQUIRE(y.count() == 3);
  CHECK_FALSE(y.complete());
  CHECK(y.which()[1] == 2);
  CHECK(y.values()[2] == 4);
  CHECK(y.error_covariance(0, 1) == r(0, 2));
  Matrix part(Shape{3, 3});
  const std::size_t kept[] = {0, 2, 3};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) part(i, j) = r(kept[i], kept[j]);
  Matrix row = Matrix::matrix({{1, 2, 3, 4}});
  y.apply_inverse_covariance(row.data(), memory);
  const Matrix expected = solve_cholesky(cholesky(part), Matrix::vector({1, 3, 4}));
  CHECK(row[1] == 0);
  for (std::size_t i = 0; i < 3; ++i) CHECK(row[kept[i]] == Approx(expected[i]).epsilon(1e-12));
  // |L^-1 d|^2 = d^T R^-1 d
  Matrix d = Matrix::matrix({{1, 3, 4}});
  y.whiten(rows_of(d));
  CHECK(d[0] * d[0] + d[1] * d[1] + d[2] * d[2] ==
        Approx(expected[0] + 3 * expected[1] + 4 * expected[2]).epsilon(1e-12));

  const Observation none(model, std::vector<double>(4, missing), memory);
  CHECK(none.count() == 0);
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(Observation(model, std::vector<double>{1, inf, 2, 3}, memory), AnalysisError);
  CHECK_THROWS_AS(Observation(model, std::vector<double>{1, 2, 3}, memory), ShapeError);

  const ObservationModel logs(ObservationOperator::all(2, Pointwise::log), 1.0);
  const Observation seen(logs, std::vector<double>{1, 2}, memory);
  Matrix states = Matrix::matrix({{1, 1}, {1, -1}}), out(Shape{2, 2});
  CHECK_THROWS_AS(seen.predict(rows_of(states), rows_of(out), memory), AnalysisError);
  CHECK_FALSE(seen.try_predict(rows_of(states), rows_of(out), memory));
}
