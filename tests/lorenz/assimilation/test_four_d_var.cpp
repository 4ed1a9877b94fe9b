// 4D-Var: the gradient, the Kalman smoother for a linear model, nonlinear windows.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// One window for each row of x [N, D] with observations y[l], [N, P]: the initial states.
Matrix window_analysis(const MethodPointer& method, const ObservationModel& model, Matrix x,
                       const std::vector<Matrix>& y) {
  Arena memory;
  const std::size_t n = x.extent(0), d = x.extent(1), p = model.observations();
  std::vector<Observation> observed;
  for (std::size_t r = 0; r < n; ++r)
    for (const Matrix& at : y)
      observed.emplace_back(model, std::span<const double>(at.data() + r * p, p), memory);
  std::vector<AnalysisCase> cases;
  for (std::size_t r = 0; r < n; ++r)
    cases.push_back({{x.data() + r * d, 1, d}, &observed[r * y.size()], {0, r, 5}, {}});
  method->analyse(cases, memory);
  return x;
}

}  // namespace

TEST_CASE("the gradient of the 4D-Var cost is its slope", "[assimilation]") {
  for (const bool ring : {false, true}) {
    const ModelPointer model =
        ring ? forecast_model(Lorenz96{6, 8}, Scheme::rk4, 0.05) : forecast_model(Lorenz63{});
    const std::size_t d = model->dimension();
    FourDVarOptions options;
    options.window = 3;
    options.steps_per_cycle = 4;
    const ObservationModel observed(ObservationOperator::components(d, {0, 2}, Pointwise::square),
                                    some_covariance(2, 1));
    const Matrix x = spun_up_states(*model, 3, 500, {1, 1}, 1, 1);
    const Matrix xb = plus(x, random_normal<double>({3, d}, {1, 2}), 0.3);
    std::vector<Matrix> y(3, Matrix::full({3, 2}, 4.0));
    y[1](2, 1) = missing;
    const Matrix l = cholesky(some_covariance(d, 3));
    const FourDVarCost at = four_d_var_cost(*model, observed, l, options, xb, y, x);
    constexpr double h = 1e-5;
    for (std::size_t i = 0; i < d; ++i) {
      Matrix up = x, down = x;
      for (std::size_t r = 0; r < 3; ++r) {
        up(r, i) += h;
        down(r, i) -= h;
      }
      const auto high = four_d_var_cost(*model, observed, l, options, xb, y, up).value;
      const auto low = four_d_var_cost(*model, observed, l, options, xb, y, down).value;
      for (std::size_t r = 0; r < 3; ++r)  // costs of 1e3 or 1e4, rounding 1e-12 / h
        CHECK(at.gradient(r, i) == Approx((high[r] - low[r]) / (2 * h)).epsilon(1e-6).margin(1e-4));
    }
  }
  const ModelPointer model = forecast_model(Lorenz63{});
  CHECK_THROWS_AS(
      four_d_var_cost(*model, ObservationModel(ObservationOperator::all(3), 1.0),
                      some_covariance(3, 1), {}, Matrix::zeros({2, 3}), {}, Matrix::zeros({2, 3})),
      ShapeError);
}

TEST_CASE("with a linear model, 4D-Var is the Kalman smoother", "[assimilation]") {
  const Matrix a = Matrix::matrix({{0.95, 0.3, 0}, {-0.2, 0.9, 0.1}, {0, 0.1, 1.02}});
  const ModelPointer model = linear_model(a);
  const Matrix b = some_covariance(3, 4), r = some_covariance(2, 5);
  const Matrix h = Matrix::matrix({{1, 0, 1}, {0, 1, 0}});
  const ObservationModel observed(ObservationOperator::linear(h), r);
  FourDVarOptions options;
  options.window = 3;
  options.steps_per_cycle = 2;
  const Matrix xb = Matrix::matrix({{1, 2, 3}, {0, -1, 1}});
  std::vector<Matrix> y;
  for (std::uint64_t l = 0; l < 3; ++l) y.push_back(random_normal<double>({2, 2}, {l, 1}));
  const Matrix x0 = window_analysis(four_d_var(model, b, 1, options), observed, xb, y);
  // All observations of the window at once, as observations of x_0: H A^2, H A^4, H A^6.
  for (std::size_t row = 0; row < 2; ++row) {
    Matrix all(Shape{6, 3}), errors = Matrix::zeros({6, 6}), values(Shape{6, 1});
    Matrix ha = h;
    for (std::size_t l = 0; l < 3; ++l) {
      ha = times(times(ha, a), a);
      for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) all(2 * l + i, j) = ha(i, j);
        for (std::size_t j = 0; j < 2; ++j) errors(2 * l + i, 2 * l + j) = r(i, j);
        values[2 * l + i] = y[l](row, i);
      }
    }
    const Gaussian smoothed = kalman_update(
        {Matrix::matrix({{xb(row, 0)}, {xb(row, 1)}, {xb(row, 2)}}), b}, all, errors, values);
    // Conjugate gradients end with a residual below 1e-6 of the first.
    for (std::size_t i = 0; i < 3; ++i) CHECK(x0(row, i) == Approx(smoothed.mean[i]).margin(1e-5));
  }
}

TEST_CASE("4D-Var ends where the cost of a nonlinear window is flat", "[assimilation]") {
  const ModelPointer model = forecast_model(Lorenz63{});
  FourDVarOptions options;
  options.window = 4;
  options.steps_per_cycle = 10;
  options.outer_loops = 50;
  options.outer_tolerance = 1e-7;
  const ObservationModel observed(ObservationOperator::all(3), 2.0);
  const Matrix truth = spun_up_states(*model, 20, 2000, {1, 1}, 1, 1);
  const Matrix b = Matrix::matrix({{1, 0.3, 0}, {0.3, 1, 0}, {0, 0, 1}});
  const Matrix xb = plus(truth, random_normal<double>({20, 3}, {1, 2}));
  std::vector<Matrix> y;
  Matrix x = truth;
  Arena memory;
  for (std::uint64_t l = 0; l < 4; ++l) {
    model->advance(rows_of(x), 10);
    y.emplace_back(Shape{20, 3});
    for (std::uint64_t r = 0; r < 20; ++r)
      observed.observe(x.data() + 3 * r, {1, r, l}, y[l].data() + 3 * r, memory);
  }
  const MethodPointer method = four_d_var(model, b, 1, options);
  const Matrix x0 = window_analysis(method, observed, xb, y);
  const Matrix l = cholesky(b);
  const FourDVarCost before = four_d_var_cost(*model, observed, l, options, xb, y, xb);
  const FourDVarCost after = four_d_var_cost(*model, observed, l, options, xb, y, x0);
  double error = 0, background_error = 0;
  for (std::size_t r = 0; r < 20; ++r) {
    CHECK(after.value[r] < before.value[r]);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(std::abs(after.gradient(r, i)) < 1e-3);
      error += (x0(r, i) - truth(r, i)) * (x0(r, i) - truth(r, i));
      background_error += (xb(r, i) - truth(r, i)) * (xb(r, i) - truth(r, i));
    }
  }
  CHECK(error < background_error);
  // A row does not depend on the others (but for the rounding of shared products).
  const Matrix alone = window_analysis(
      method, observed, Matrix(Shape{1, 3}, std::span<const double>(xb.data() + 57, 3)),
      {Matrix(Shape{1, 3}, std::span<const double>(y[0].data() + 57, 3)),
       Matrix(Shape{1, 3}, std::span<const double>(y[1].data() + 57, 3)),
       Matrix(Shape{1, 3}, std::span<const double>(y[2].data() + 57, 3)),
       Matrix(Shape{1, 3}, std::span<const double>(y[3].data() + 57, 3))});
  for (std::size_t i = 0; i < 3; ++i) CHECK(alone[i] == Approx(x0(19, i)).margin(1e-6));
}

TEST_CASE("4D-Var without observations, without a graph, without a finite background",
          "[assimilation]") {
  const ModelPointer model = forecast_model(Lorenz63{});
  const Matrix b = some_covariance(3, 1), x = Matrix::matrix({{1, 2, 20}});
  const ObservationModel observed(ObservationOperator::all(3), 1.0);
  const MethodPointer method = four_d_var(model, b);
  CHECK(identical(window_analysis(method, observed, x, {Matrix::full({1, 3}, missing)}), x));
  CHECK_THROWS_AS(four_d_var(function_model(3, [](const Matrix& s) { return s; }), b),
                  ArgumentError);
  CHECK_THROWS_AS(four_d_var(model, some_covariance(4, 1)), ShapeError);
  CHECK_THROWS_AS(four_d_var(model, b, 0), ArgumentError);
  try {
    window_analysis(method, observed, Matrix::matrix({{1, 2, 20}, {1e200, 1, 1}}),
                    {Matrix::zeros({2, 3})});
    FAIL("a background that blows up should be found");
  } catch (const AssimilationError& e) {
    CHECK(e.failure == AssimilationFailure::diverged);
    CHECK(e.trajectory == 1);
    CHECK(e.cycle == 5);
  }
}
