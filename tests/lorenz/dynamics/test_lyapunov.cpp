// The tangent-linear model by autograd, Lyapunov exponents, climatology.
#include <cmath>

#include "catch.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/lorenz/dynamics/lyapunov.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

std::vector<Var<double>> columns(std::size_t n, std::size_t rows, std::uint64_t stream) {
  std::vector<Var<double>> c;
  for (std::size_t i = 0; i < n; ++i)
    c.push_back(Var<double>::parameter(random_normal<double>({rows}, RandomStream{stream, i})));
  return c;
}

template <class S>
void check_tangent_linear(const S& system) {
  const std::size_t n = system.dimension(), rows = 4;
  Tensor<double> x = random_normal<double>({n, rows}, RandomStream{1, 0});
  const StepGraph graph = step_graph(system, 0.01, x);
  const std::vector<Var<double>> v = columns(n, rows, 2);
  const Tensor<double> tangent = jvp(graph.output, graph.inputs, v).value();

  const double h = 1e-5;
  Tensor<double> up(x), down(x);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t r = 0; r < rows; ++r) {
      up(i, r) += h * v[i].value()[r];
      down(i, r) -= h * v[i].value()[r];
    }
  const Tensor<double> a = step_graph(system, 0.01, up).output.value(),
                       b = step_graph(system, 0.01, down).output.value();
  // Central differences: h^2 truncation and eps / h rounding, both below 1e-9.
  for (std::size_t k = 0; k < tangent.size(); ++k)
    CHECK(tangent[k] == Approx((a[k] - b[k]) / (2 * h)).margin(1e-8));

  // The adjoint: w . (M v) = (M^T w) . v
  const Tensor<double> w = random_normal<double>(tangent.shape(), RandomStream{3, 0});
  const auto adjoint = vjp(graph.output, graph.inputs, Var<double>(w));
  double left = 0, right = 0;
  for (std::size_t k = 0; k < w.size(); ++k) left += w[k] * tangent[k];
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t r = 0; r < rows; ++r) right += adjoint[i].value()[r] * v[i].value()[r];
  CHECK(left == Approx(right).epsilon(1e-12));
}

}  // namespace

TEST_CASE("tangent-linear and adjoint of a step", "[lorenz]") {
  check_tangent_linear(Lorenz63{});
  check_tangent_linear(Lorenz96{6, 8});
}

TEST_CASE("the graph's step is the integrator's step", "[lorenz]") {
  const Tensor<double> x = random_normal<double>({3, 2}, RandomStream{4, 0});
  Tensor<double> rows(Shape{2, 3});
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t i = 0; i < 3; ++i) rows(r, i) = x(i, r);
  integrate(Lorenz63{}, Scheme::rk4, 0.01, 1, rows);
  const Tensor<double> y = step_graph(Lorenz63{}, 0.01, x).output.value();
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t i = 0; i < 3; ++i) CHECK(y[i * 2 + r] == Approx(rows(r, i)).epsilon(1e-13));
}

TEST_CASE("Lyapunov exponents of Lorenz-63, roughly", "[lorenz]") {
  LyapunovOptions o;
  o.trajectories = 128;
  o.burn_in = 3000;
  o.alignment = 300;
  o.steps = 300;
  const LyapunovSpectrum s = lyapunov_spectrum(Lorenz63{}, o);
  // Five standard errors, which are about 0.03 here.
  CHECK(s.exponents[0] == Approx(0.906).margin(5 * s.standard_errors[0]));
  CHECK(s.exponents[2] == Approx(-14.572).margin(5 * s.standard_errors[2]));
  // The divergence is constant; RK4 keeps it up to (41/3)^5 dt^4 / 120.
  CHECK(s.sum == Approx(-41.0 / 3).margin(5e-3));
}

TEST_CASE("Lyapunov exponents of Lorenz-63", "[lorenz][.slow]") {
  LyapunovOptions o;
  o.trajectories = 512;
  o.steps = 8000;
  const LyapunovSpectrum s = lyapunov_spectrum(Lorenz63{}, o);
  const double expected[] = {0.906, 0, -14.572};
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(s.standard_errors[k] < 0.006);
    CHECK(s.exponents[k] == Approx(expected[k]).margin(4 * s.standard_errors[k] + 1e-3));
  }
  CHECK(s.kaplan_yorke == Approx(2.062).margin(0.002));
}

TEST_CASE("Kaplan and Yorke's dimension", "[lorenz]") {
  CHECK(kaplan_yorke_dimension({0.906, 0, -14.572}) == Approx(2.0622).epsilon(1e-4));
  CHECK(kaplan_yorke_dimension({-1, -2}) == 0);
  CHECK(kaplan_yorke_dimension({1, -0.5}) == 2);
  LyapunovOptions o;
  o.steps = 0;
  CHECK_THROWS_AS(lyapunov_spectrum(Lorenz63{}, o), ArgumentError);
}

TEST_CASE("climatology: known moments far from zero, any blocks, any threads", "[lorenz]") {
  Tensor<double> x = random_normal<double>({10000, 2}, RandomStream{5, 0});
  double mean = 0, square = 0;
  for (std::size_t r = 0; r < 10000; ++r) mean += x(r, 0) / 10000;
  for (std::size_t r = 0; r < 10000; ++r) square += (x(r, 0) - mean) * (x(r, 0) - mean) / 9999;
  for (double& v : x) v += 1e6;  // squares of 1e12: the textbook formula would lose all digits
  const Climatology c = climatology(x);
  CHECK(c.mean()[0] == Approx(1e6 + mean).epsilon(1e-13));
  CHECK(c.covariance()(0, 0) == Approx(square).epsilon(1e-8));
  CHECK(c.covariance()(0, 1) == c.covariance()(1, 0));
  Climatology parts(2), other(2);
  parts.add(std::span<const double>(x.data(), 6000));
  other.add(std::span<const double>(x.data() + 6000, 14000));
  parts.merge(other);
  CHECK(parts.count() == 10000);
  CHECK(parts.covariance()(0, 1) == Approx(c.covariance()(0, 1)).margin(1e-9));
  set_thread_count(1);
  CHECK(identical(climatology(x).covariance(), c.covariance()));
  set_thread_count(0);
  CHECK_THROWS_AS(Climatology(0), ArgumentError);
  CHECK_THROWS_AS(Climatology(2).covariance(), ArgumentError);
  CHECK_THROWS_AS(parts.add(std::span<const double>(x.data(), 3)), ShapeError);
}
