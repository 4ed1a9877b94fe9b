// Reductions against xtensor's, the accuracy of sums, and the duality of broadcast_to and sum_to.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/reduce.hpp"
#include "xtensor_reference.hpp"

using namespace papillon;

TEMPLATE_TEST_CASE("reductions over any axes agree with xtensor", "", float, double) {
  using T = TestType;
  const Shape shape{3, 70, 2, 5};
  const auto x = wave<T>(shape);
  // Sums of up to 2100 terms of size 1.5: pairwise, so an error of some ten roundings of the sum.
  const T tolerance = 2000 * std::numeric_limits<T>::epsilon();
  for (unsigned bits = 1; bits < 16; ++bits) {
    Axes axes;
    std::vector<std::size_t> reference_axes;
    Shape kept;
    for (std::size_t a = 0; a < 4; ++a) {
      const bool reduced = (bits >> a & 1) != 0;
      kept.push_back(reduced ? 1 : shape[a]);
      if (!reduced) continue;
      axes.push_back(static_cast<std::ptrdiff_t>(a) - (a % 2 == 0 ? 4 : 0));
      reference_axes.push_back(a);
    }
    INFO("axes as bits: " << bits);
    const auto expected = evaluated<T>(xt::sum(x.array(), reference_axes));
    CHECK(max_abs_difference(sum(x, axes), expected) <= tolerance);
    // xt::mean compiles only while no function of ours is found through the type of array().
    const auto expected_mean = evaluated<T>(xt::mean(x.array(), reference_axes));
    CHECK(max_abs_difference(mean(x, axes), expected_mean) <= tolerance);
    CHECK(identical(max(x, axes), evaluated<T>(xt::amax(x.array(), reference_axes))));
    CHECK(sum(x, axes, true).shape() == kept);
    CHECK(mean(x, axes, true).shape() == kept);
  }
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(Tensor<T>::scalar(4)).item() == 4);
}

TEST_CASE("the error of a sum grows like the logarithm of its length") {
  // 0.1 a million times: one after the other, float is off by about 1 %.
  const std::size_t n = 1 << 20;
  const double exact = static_cast<double>(0.1f) * static_cast<double>(n);
  CHECK(static_cast<double>(sum(Tensor<float>::full({n}, 0.1f)).item()) ==
        Approx(exact).epsilon(1e-6));
  const auto columns = sum(Tensor<float>::full({n, 3}, 0.1f), {0});
  for (const float v : columns) CHECK(static_cast<double>(v) == Approx(exact).epsilon(1e-6));
  float naive = 0;
  for (std::size_t i = 0; i < n; ++i) naive += 0.1f;
  CHECK(std::abs(static_cast<double>(naive) / exact - 1) > 1e-4);
}

TEST_CASE("all lengths are summed completely") {
  for (std::size_t n = 1; n < 1200; n += n < 70 ? 1 : 37) {
    Tensor<double> x(Shape{n});
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<double>(i + 1);
    REQUIRE(sum(x).item() == static_cast<double>(n * (n + 1) / 2));
    REQUIRE(max(x).item() == static_cast<double>(n));
    REQUIRE(sum(x.reshaped({-1, 1}), {0}).item() == static_cast<double>(n * (n + 1) / 2));
  }
}

TEST_CASE("reductions of nothing") {
  const Tensor<float> none(Shape{0, 3});
  CHECK(identical(sum(none, {0}), Tensor<float>::zeros({3})));
  CHECK(sum(none, {1}).shape() == Shape{0});
  CHECK(mean(none, {1}).shape() == Shape{0});
  CHECK_THROWS_AS(mean(none, {0}), ShapeError);
  CHECK_THROWS_WITH(max(none), contains_text("max") && contains_text("[0, 3]"));
}

TEST_CASE("NaN survives a maximum wherever it stands") {
  for (std::size_t at : {0u, 5u, 299u}) {
    auto x = wave<float>({300});
    x[at] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(max(x).item()));
    CHECK(std::isnan(max(x.reshaped({100, 3}), {0})[at % 3]));
  }
}

TEMPLATE_TEST_CASE("broadcast_to repeats, sum_to is its adjoint", "", float, double) {
  using T = TestType;
  const Shape big{2, 3, 4, 5};
  const std::vector<Shape> shapes{{}, {1}, {5}, {4, 1}, {3, 1, 5}, {2, 1, 1, 5}, {1, 3, 1, 1}, big};
  for (const Shape& small : shapes) {
    INFO(to_string(small));
    const auto x = wave<T>(small);
    const auto y = wave<T>(big, 0.9);
    const auto repeated = broadcast_to(x, big);
    CHECK(identical(repeated, evaluated<T>(xt::broadcast(x.array(), big))));
    const auto summed = sum_to(y, small);
    REQUIRE(summed.shape() == small);
    // <broadcast x, y> = <x, sum y>: both are sums of 120 products of size up to 2.
    CHECK(static_cast<double>(sum(mul(repeated, y)).item()) ==
          Approx(static_cast<double>(sum(mul(x, summed)).item()))
              .margin(500 * static_cast<double>(std::numeric_limits<T>::epsilon())));
  }
}

TEST_CASE("shapes that do not fit are named") {
  const Tensor<float> x(Shape{2, 3});
  CHECK_THROWS_WITH(broadcast_to(x, {2, 4}), contains_text("broadcast_to") &&
                                                 contains_text("[2, 3]") &&
                                                 contains_text("[2, 4]"));
  CHECK_THROWS_AS(broadcast_to(x, {3}), ShapeError);
  CHECK_THROWS_AS(broadcast_to(x, {2, 1}), ShapeError);
  CHECK_THROWS_WITH(sum_to(x, {2}), contains_text("sum_to") && contains_text("[2, 3]"));
  CHECK_THROWS_AS(sum_to(x, {1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(sum(x, {2}), ShapeError);
  CHECK_THROWS_AS(sum(x, {0, -2}), ShapeError);
}
