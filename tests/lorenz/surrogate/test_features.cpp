// Features: the plain and the differentiable reading agree; derivatives; what is refused.
#include <cmath>

#include "catch.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "surrogate_example.hpp"

using namespace papillon;
using papillon::test::small_network;

namespace {

std::vector<FeaturesPtr> all_kinds() {
  return {identity_features(3), polynomial_features(3, 4),
          random_fourier_features(3, {.count = 20, .width = 0.4, .seed = 2}),
          network_features(small_network(1), {0, 400}),
          concatenated_features({polynomial_features(3, 2), network_features(small_network(1), {7}),
                                 random_fourier_features(3, {.count = 6})})};
}

}  // namespace

TEST_CASE("random Fourier features", "[surrogate]") {
  const Tensor<float> x = random_normal<float>({50, 3}, RandomStream{4, 0});
  const Tensor<double> f = evaluate(*random_fourier_features(3, {64}), x);
  REQUIRE(f.shape() == Shape{50, 64});
  const Tensor<double> w =
      random_normal<double>({3, 32}, random_stream(0, Purpose::fourier_frequencies));
  for (std::size_t r = 0; r < 50; ++r)
    for (std::size_t k = 0; k < 32; ++k) {
      double angle = 0;
      for (std::size_t i = 0; i < 3; ++i)
        angle += 2 * 3.14159265358979323846 * static_cast<double>(x(r, i)) * w(i, k);
      CHECK(f(r, k) == Approx(std::sin(angle) * std::sqrt(1.0 / 32)).margin(1e-12));
      CHECK(f(r, 32 + k) == Approx(std::cos(angle) * std::sqrt(1.0 / 32)).margin(1e-12));
    }
  CHECK_THROWS_AS(random_fourier_features(3, {7}), ArgumentError);
  CHECK_THROWS_AS(evaluate(*random_fourier_features(2, {}), x), ShapeError);
}

TEST_CASE("features: both readings compute the same", "[surrogate]") {
  const Tensor<float> x = random_normal<float>({300, 3}, {1, 0});
  for (const FeaturesPtr& f : all_kinds()) {
    CAPTURE(f->name());
    const Tensor<double> plain = evaluate(*f, x);
    REQUIRE(plain.shape() == Shape{300, f->size()});
    const NoGrad guard;
    const Tensor<double> clear = (*f)(Var<double>(cast<double>(x))).value();
    const Tensor<float> single = (*f)(Var<float>(x)).value();
    // The network's plain reading is in single precision; the others in double. Fourth powers of
    // states up to 4 carry float's 6e-8 to 6e-5.
    const bool network = f->name().find("network") != std::string::npos;
    CHECK(max_abs_difference(plain, clear) < (network ? 2e-5 : 1e-12));
    CHECK(max_abs_difference(cast<double>(single), clear) < 1e-4);
    set_thread_count(1);
    CHECK(identical(evaluate(*f, x), plain));
    set_thread_count(0);
  }
}

TEST_CASE("features: tangent and adjoint fit together and to differences", "[surrogate]") {
  const Tensor<double> x = random_normal<double>({5, 3}, {2, 0}),
                       v = random_normal<double>({5, 3}, {3, 0});
  for (const FeaturesPtr& f : all_kinds()) {
    CAPTURE(f->name());
    const Var<double> in = Var<double>::parameter(x);
    const Var<double> out = (*f)(in);
    const Tensor<double> w = random_normal<double>(out.shape(), {4, 0});
    if (f->kind() == "identity") continue;  // its output is its input
    const Tensor<double> tangent = jvp(out, {in}, {Var<double>(v)}).value();
    const Tensor<double> adjoint = vjp(out, {in}, Var<double>(w)).front().value();
    double left = 0, right = 0, size = 0;
    for (std::size_t i = 0; i < w.size(); ++i) left += w[i] * tangent[i];
    for (std::size_t i = 0; i < w.size(); ++i) size += std::abs(w[i] * tangent[i]);
    for (std::size_t i = 0; i < v.size(); ++i) right += v[i] * adjoint[i];
    CHECK(std::abs(left - right) < 1e-13 * size);
    const double h = 1e-6;
    Tensor<double> up = x, down = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
      up[i] += h * v[i];
      down[i] -= h * v[i];
    }
    const Tensor<double> a = (*f)(Var<double>(up)).value(), b = (*f)(Var<double>(down)).value();
    // Central differences: h^2 of the third derivative (about 100) and eps / h, below 1e-9.
    for (std::size_t i = 0; i < tangent.size(); ++i)
      CHECK(tangent[i] == Approx((a[i] - b[i]) / (2 * h)).margin(1e-7));
  }
}

TEST_CASE("polynomial features: the monomials, in order", "[surrogate]") {
  const Tensor<float> x = Tensor<float>::matrix({{2, 3, 5}});
  CHECK(identical(evaluate(*polynomial_features(3, 2), x),
                  Tensor<double>::matrix({{2, 3, 5, 4, 6, 10, 9, 15, 25}})));
  CHECK(polynomial_features(3, 4)->size() == 34);  // (3 + 4 over 4) - 1
  CHECK(polynomial_features(1, 7)->size() == 7);
  const Tensor<double> all = evaluate(*polynomial_features(3, 4), x);
  CHECK(all(0, 33) == 625);
  CHECK(all(0, 9) == 8);
  CHECK_THROWS_AS(polynomial_features(3, 0), ArgumentError);
  CHECK_THROWS_AS(polynomial_features(40, 8), ArgumentError);
}

TEST_CASE("network features: each timestep has its group", "[surrogate]") {
  const ResidualFilmMlp<float> network = small_network(3);
  const Tensor<float> x = random_normal<float>({40, 3}, {5, 0});
  const Tensor<double> both = evaluate(*network_features(network, {0, 400}), x),
                       late = evaluate(*network_features(network, {400}), x);
  for (std::size_t r = 0; r < 40; ++r)
    for (std::size_t j = 0; j < 16; ++j) CHECK(both(r, 16 + j) == late(r, j));
  CHECK_THROWS_AS(network_features(network, {}), ArgumentError);
  CHECK_THROWS_AS(network_features(network, {-1}), ArgumentError);
  CHECK_THROWS_AS(concatenated_features({}), ArgumentError);
  CHECK_THROWS_AS(concatenated_features({identity_features(3), identity_features(2)}),
                  ArgumentError);
  CHECK_THROWS_AS(random_fourier_features(3, {.count = 7}), ArgumentError);
  CHECK_THROWS_AS(random_fourier_features(3, {.count = 8, .width = 0}), ArgumentError);
  CHECK_THROWS_AS(evaluate(*identity_features(2), x), ShapeError);
}
