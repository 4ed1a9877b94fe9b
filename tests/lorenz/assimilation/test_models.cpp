// Forecast models: the same steps as the integrator, graphs whose derivatives are right, noise.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/model.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

Matrix states_on(const ForecastModel& model, std::size_t count) {
  return spun_up_states(model, count, 1000, {4, 2}, 1, 1);
}

template <System S>
void check_model(const S& system, Scheme scheme, double dt) {
  const ModelPointer model = forecast_model(system, scheme, dt);
  for (const std::size_t rows : {1, 13, 40}) {
    Matrix x = states_on(*model, rows), y = x;
    model->advance(rows_of(x), 7);
    integrate(system, scheme, dt, 7, y);
    CHECK(identical(x, y));
  }
  // Graph: the same value (the order of operations is the same, but for fused multiply-add), and a
  // tangent-linear model that agrees with a central difference, adjoint to its adjoint.
  const std::size_t d = model->dimension();
  Matrix x = states_on(*model, 5);
  const Matrix dx = random_normal<double>({5, d}, {1, 1}),
               w = random_normal<double>({5, d}, {1, 2});
  const Var<double> input = Var<double>::parameter(x);
  const Var<double> output = model->graph(input, 6);
  const Matrix tangent = jvp(output, {input}, {Var<double>(dx)}).value();
  const Matrix adjoint = vjp(output, {input}, Var<double>(w))[0].value();
  constexpr double h = 1e-5;
  Matrix up = plus(x, dx, h), down = plus(x, dx, -h);
  model->advance(rows_of(up), 6);
  model->advance(rows_of(down), 6);
  model->advance(rows_of(x), 6);
  CHECK(largest_difference(x, output.value()) < 1e-10);
  for (std::size_t k = 0; k < x.size(); ++k)  // second-order error h^2, rounding 1e-15 / h
    CHECK(tangent[k] == Approx((up[k] - down[k]) / (2 * h)).margin(1e-7));
  double left = 0, right = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    left += w[k] * tangent[k];
    right += adjoint[k] * dx[k];
  }
  CHECK(left == Approx(right).epsilon(1e-12));
}

}  // namespace

TEST_CASE("systems step as the integrator does, and have the derivative of that",
          "[assimilation]") {
  check_model(Lorenz63{}, Scheme::rk4, 0.01);
  check_model(Lorenz63{10, 30, 2}, Scheme::heun, 0.005);
  check_model(Lorenz96{7, 6}, Scheme::euler, 0.005);
  check_model(Lorenz96{40, 8}, Scheme::rk4, 0.05);
}

TEST_CASE("single precision is single precision", "[assimilation]") {
  const ModelPointer model = forecast_model(Lorenz63{}, Scheme::rk4, 0.01, Precision::float32);
  Matrix x = states_on(*forecast_model(Lorenz63{}), 40);
  Tensor<float> y = cast<float>(x);
  model->advance(rows_of(x), 20);
  integrate(Lorenz63{}, Scheme::rk4, 0.01, 20, y);
  CHECK(identical(x, cast<double>(y)));
}

TEST_CASE("functions and matrices are models, too", "[assimilation]") {
  const Matrix a = Matrix::matrix({{0.9, 0.2}, {-0.1, 0.8}});
  const ModelPointer linear = linear_model(a);
  Matrix x = Matrix::matrix({{1, 2}, {3, 4}});
  const Matrix expected = times(times(x, transpose(a)), transpose(a));
  const Var<double> graph = linear->graph(Var<double>(x), 2);
  linear->advance(rows_of(x), 2);
  CHECK(largest_difference(x, expected) < 1e-14);
  CHECK(largest_difference(graph.value(), expected) < 1e-14);

  const ModelPointer wrong = function_model(2, [](const Matrix&) { return Matrix::zeros({1, 1}); });
  CHECK_THROWS_AS(wrong->advance(rows_of(x), 1), ShapeError);
  CHECK_FALSE(wrong->differentiable());
  CHECK_THROWS_AS(wrong->graph(Var<double>(x), 1), ArgumentError);
  CHECK_THROWS_AS(linear_model(Matrix::zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(forecast_model(Lorenz63{}, Scheme::rk4, std::nan("")), ArgumentError);
  CHECK_THROWS_AS(
      spun_up_states(*forecast_model(Lorenz63{}, Scheme::euler, 0.5), 3, 100, {1, 1}, 0, 10),
      NumericalError);
}

TEST_CASE("model noise has its covariance, and falls where it should", "[assimilation]") {
  const Matrix q = Matrix::matrix({{2, 0.6}, {0.6, 0.5}});
  const ModelPointer still = linear_model(Matrix::matrix({{1, 0}, {0, 1}}));
  const ModelNoise noise = covariance_noise(q, 2);
  Arena memory;
  const std::size_t samples = 20000;
  Matrix sum(Shape{samples, 2});
  for (std::size_t c = 0; c < samples; ++c) {
    Matrix x = Matrix::zeros({1, 2});
    advance_with_noise(*still, noise, rows_of(x), 0, 6, {1, 0, c}, Purpose::truth_noise, memory);
    for (std::size_t i = 0; i < 2; ++i) sum(c, i) = x[i];
  }
  const Gaussian of = moments(sum);
  // Three noises a cycle. Standard errors: of a mean sqrt(3 q / n), of a variance 3 q sqrt(2 / n).
  const double n = static_cast<double>(samples);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(std::abs(of.mean[i]) < 4 * std::sqrt(3 * q(i, i) / n));
    CHECK(std::abs(of.covariance(i, i) - 3 * q(i, i)) < 4 * 3 * q(i, i) * std::sqrt(2 / n));
  }
  CHECK(std::abs(of.covariance(0, 1) - 1.8) < 4 * 3 * std::sqrt((2 * 0.5 + 0.36) / n));

  // In two calls the same numbers as in one, and other numbers for another row.
  Matrix once = Matrix::zeros({2, 2}), twice = once;
  advance_with_noise(*still, noise, rows_of(once), 0, 8, {1, 5, 9}, Purpose::forecast_noise,
                     memory);
  advance_with_noise(*still, noise, rows_of(twice), 0, 4, {1, 5, 9}, Purpose::forecast_noise,
                     memory);
  advance_with_noise(*still, noise, rows_of(twice), 4, 4, {1, 5, 9}, Purpose::forecast_noise,
                     memory);
  CHECK(identical(once, twice));
  CHECK(once(0, 0) != once(1, 0));
  Matrix pieces = Matrix::zeros({2, 2});
  for (std::size_t done : {0, 3, 6})
    advance_with_noise(*still, noise, rows_of(pieces), done, done < 6 ? 3 : 2, {1, 5, 9},
                       Purpose::forecast_noise, memory);
  CHECK(identical(once, pieces));
  CHECK_THROWS_AS(check_model_noise(noise, 2, 3), ArgumentError);
  CHECK_THROWS_AS(advance_with_noise(*still, deviation_noise({1, 1, 1}, 1), rows_of(once), 0, 2, {},
                                     Purpose::forecast_noise, memory),
                  ShapeError);
  CHECK_THROWS_AS(covariance_noise(Matrix::matrix({{1, 2}, {2, 1}}), 1), NumericalError);
  CHECK_THROWS_AS(covariance_noise(Matrix::matrix({{1, 0.1}, {0.2, 1}}), 1), ArgumentError);
  CHECK_THROWS_AS(deviation_noise({-1}, 1), ArgumentError);
}
