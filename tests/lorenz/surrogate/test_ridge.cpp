// Streaming ridge regression.
#include <cmath>

#include "catch.hpp"
#include "papillon/lorenz/surrogate/ridge.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

RowSource rows_of(const Tensor<double>& x, const Tensor<double>& y) {
  return [&x, &y](std::size_t first, std::size_t n, double* to_x, std::size_t ldx, double* to_y,
                  std::size_t ldy) {
    const std::size_t f = x.extent(1), d = y.extent(1);
    for (std::size_t r = 0; r < n; ++r) {
      std::copy_n(x.data() + (first + r) * f, f, to_x + r * ldx);
      std::copy_n(y.data() + (first + r) * d, d, to_y + r * ldy);
    }
  };
}

RidgeSystem system_of(const Tensor<double>& x, const Tensor<double>& y) {
  StreamingRidge ridge(x.extent(1), y.extent(1));
  ridge.add(x.extent(0), rows_of(x, y));
  return ridge.decompose();
}

Tensor<double> predict(const RidgeFit& fit, const Tensor<double>& x) {
  const std::size_t n = x.extent(0), f = x.extent(1), d = fit.offset.size();
  Tensor<double> y(Shape{n, d});
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t k = 0; k < d; ++k) {
      double sum = fit.offset[k];
      for (std::size_t j = 0; j < f; ++j) sum += fit.weight(k, j) * (x(r, j) - fit.centre[j]);
      y(r, k) = sum;
    }
  return y;
}

// The same by the singular values of the standardised features, which never squares them.
Tensor<double> predict_by_svd(Tensor<double> x, const Tensor<double>& y, double lambda) {
  const std::size_t n = x.extent(0), f = x.extent(1), d = y.extent(1);
  const double count = static_cast<double>(n);
  for (std::size_t j = 0; j < f; ++j) {
    double mean = 0, square = 0;
    for (std::size_t r = 0; r < n; ++r) mean += x(r, j) / count;
    for (std::size_t r = 0; r < n; ++r) square += (x(r, j) - mean) * (x(r, j) - mean) / count;
    for (std::size_t r = 0; r < n; ++r) x(r, j) = (x(r, j) - mean) / std::sqrt(square);
  }
  const SingularValues svd = singular_values(x);
  Tensor<double> out(Shape{n, d});
  for (std::size_t k = 0; k < d; ++k) {
    double mean = 0;
    for (std::size_t r = 0; r < n; ++r) mean += y(r, k) / count;
    for (std::size_t r = 0; r < n; ++r) out(r, k) = mean;
    for (std::size_t i = 0; i < svd.s.size(); ++i) {
      double part = 0;
      for (std::size_t r = 0; r < n; ++r) part += svd.u(r, i) * (y(r, k) - mean);
      const double square = svd.s[i] * svd.s[i];
      part *= square / (square + lambda * count);
      for (std::size_t r = 0; r < n; ++r) out(r, k) += svd.u(r, i) * part;
    }
  }
  return out;
}

// Smooth features of one variable: their correlations have eigenvalues from 20 to 1e-17.
void ill_conditioned(Tensor<double>& x, Tensor<double>& y) {
  const std::size_t n = 600, f = 40;
  const Tensor<double> w = random_normal<double>({2, f}, {7, 0});
  x = Tensor<double>(Shape{n, f});
  y = Tensor<double>(Shape{n, 2});
  for (std::size_t r = 0; r < n; ++r) {
    const double t = 2 * static_cast<double>(r) / static_cast<double>(n) - 1;
    for (std::size_t j = 0; j < f; ++j) x(r, j) = std::sin(3 * w(0, j) * t + w(1, j));
    y(r, 0) = 1 / (1 + 6 * t * t);
    y(r, 1) = std::exp(t) + 5;
  }
}

}  // namespace

TEST_CASE("ridge: a linear relation is found exactly", "[surrogate]") {
  Tensor<double> x = random_normal<double>({5000, 7}, {1, 0});
  const Tensor<double> w = random_normal<double>({2, 7}, {2, 0});
  Tensor<double> y(Shape{5000, 2});
  for (std::size_t r = 0; r < 5000; ++r) {
    for (std::size_t j = 0; j < 7; ++j) x(r, j) = 1e3 + x(r, j) * std::pow(10.0, double(j) - 3);
    for (std::size_t k = 0; k < 2; ++k) {
      y(r, k) = 3;
      for (std::size_t j = 0; j < 7; ++j) y(r, k) += w(k, j) * x(r, j);
    }
  }
  const RidgeFit fit = system_of(x, y).solve(0);
  // Means of 1e3 with deviations of 1e-3 leave 10 digits of the smallest feature.
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t j = 0; j < 7; ++j) CHECK(fit.weight(k, j) == Approx(w(k, j)).epsilon(1e-7));
  CHECK(fit.degrees_of_freedom == Approx(7));
  const Tensor<double> p = predict(fit, x);
  CHECK(max_abs_difference(p, y) < 1e-7 * 1e3);
}

TEST_CASE("ridge: as accurate as singular values down to 1e-12 per sample", "[surrogate]") {
  Tensor<double> x, y;
  ill_conditioned(x, y);
  const RidgeSystem system = system_of(x, y);
  double before = 0;
  for (const double lambda : {1.0, 1e-4, 1e-8, 1e-10, 1e-12}) {
    CAPTURE(lambda);
    const RidgeFit fit = system.solve(lambda);
    // What matters is the difference beside the error of the fit itself: R is known to about 1e-15,
    // so its directions near lambda = 1e-12 to about 1e-3.
    const Tensor<double> p = predict(fit, x), q = predict_by_svd(x, y, lambda);
    for (std::size_t k = 0; k < 2; ++k) {
      double difference = 0, residual = 0;
      for (std::size_t r = 0; r < x.extent(0); ++r) {
        difference += (p(r, k) - q(r, k)) * (p(r, k) - q(r, k));
        residual += (q(r, k) - y(r, k)) * (q(r, k) - y(r, k));
      }
      CHECK(std::sqrt(difference) < 5e-3 * std::sqrt(residual));
    }
    CHECK(fit.degrees_of_freedom > before);
    before = fit.degrees_of_freedom;
  }
  CHECK(before < 40);
}

TEST_CASE("ridge: degrees of freedom are the trace of the hat matrix", "[surrogate]") {
  const Tensor<double> x = random_normal<double>({60, 5}, {3, 0});
  const RidgeSystem system = system_of(x, random_normal<double>({60, 1}, {4, 0}));
  for (const double lambda : {1e-3, 0.3, 10.0}) {
    double trace = 0;
    for (std::size_t r = 0; r < 60; ++r) {  // how far a prediction follows its own target
      Tensor<double> unit = Tensor<double>::zeros({60, 1});
      unit[r] = 1;
      trace += predict(system_of(x, unit).solve(lambda), x)[r];
    }
    // The hat matrix counts the constant, too.
    CHECK(system.solve(lambda).degrees_of_freedom == Approx(trace - 1).epsilon(1e-9));
  }
}

TEST_CASE("ridge: the same whatever the blocks, and the same bits for any threads", "[surrogate]") {
  const Tensor<double> x = random_normal<double>({9000, 300}, {5, 0}),
                       y = random_normal<double>({9000, 3}, {6, 0});
  const RidgeFit whole = system_of(x, y).solve(1e-4);
  set_thread_count(1);
  CHECK(identical(system_of(x, y).solve(1e-4).weight, whole.weight));
  set_thread_count(3);
  CHECK(identical(system_of(x, y).solve(1e-4).weight, whole.weight));
  set_thread_count(0);
  StreamingRidge parts(300, 3);
  const RowSource all = rows_of(x, y);
  for (const auto& [begin, end] : {std::pair{0, 10}, std::pair{10, 5000}, std::pair{5000, 9000}})
    parts.add(static_cast<std::size_t>(end - begin),
              [&, first = static_cast<std::size_t>(begin)](std::size_t f, auto... rest) {
                all(first + f, rest...);
              });
  CHECK(parts.rows() == 9000);
  // The first block of 10 rows gives other units, and sums in another order.
  CHECK(max_abs_difference(parts.decompose().solve(1e-4).weight, whole.weight) < 1e-12);
}

TEST_CASE("ridge: constant features get no weight; singular systems are refused", "[surrogate]") {
  Tensor<double> x = random_normal<double>({400, 4}, {8, 0});
  const Tensor<double> y = random_normal<double>({400, 1}, {9, 0});
  for (std::size_t r = 0; r < 400; ++r) {
    x(r, 1) = 5;                  // constant
    x(r, 3) = x(r, 0) - x(r, 2);  // dependent
  }
  const RidgeSystem system = system_of(x, y);
  CHECK(system.constant_features() == 1);
  CHECK(system.solve(1e-12).weight(0, 1) == 0);
  CHECK(system.solve(1e-12).degrees_of_freedom == Approx(2));
  CHECK_THROWS_WITH(system.solve(0), contains_text("2 of 4 directions"));
  CHECK_THROWS_AS(system.solve(0), NumericalError);
  CHECK_THROWS_AS(system.solve(1e-17), NumericalError);
  CHECK_THROWS_AS(system.solve(-1), ArgumentError);
  CHECK_THROWS_AS(StreamingRidge(0, 1), ArgumentError);
  CHECK_THROWS_AS(StreamingRidge(2, 1).decompose(), ArgumentError);
  x(17, 2) = NAN;
  CHECK_THROWS_WITH(system_of(x, y), contains_text("feature 2 is not finite"));
  // Fewer samples than features: eight rows span seven directions.
  const RidgeSystem few =
      system_of(random_normal<double>({8, 30}, {1, 1}), random_normal<double>({8, 3}, {1, 2}));
  // The other 23 eigenvalues are zero up to rounding, 1e-15: each adds at most 1e-15 / 1e-12.
  CHECK(few.solve(1e-12).degrees_of_freedom == Approx(7).margin(23 * 1e-3));
  CHECK_THROWS_WITH(few.solve(0), contains_text("23 of 30 directions"));
}
