// Elementwise functions against xtensor's expressions, over all ways that shapes broadcast.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "xtensor_reference.hpp"

using namespace papillon;

namespace {

// Both sides evaluate the same C function or one rounded operation; the compiler may contract or
// vectorise, so a few units in the last place of values up to about 10 are allowed.
template <class T>
constexpr T tolerance = 40 * std::numeric_limits<T>::epsilon();

struct Shapes {
  Shape a, b;
};
const std::vector<Shapes> broadcasts{
    {{}, {}},
    {{7}, {7}},
    {{4, 5}, {4, 5}},
    {{2, 3, 4}, {}},
    {{}, {3, 4}},
    {{1}, {6}},
    {{16, 33}, {33}},  // a row for each row
    {{33}, {16, 33}},
    {{16, 33}, {16, 1}},  // a number for each row
    {{5, 1}, {1, 7}},     // an outer product
    {{2, 3, 4}, {3, 1}},
    {{2, 1, 4}, {3, 1}},
    {{2, 3, 1, 5}, {1, 3, 4, 1}},
    {{1, 1, 3}, {2, 2, 1}},
    {{3, 2, 2, 2}, {3, 1, 2, 1}},
    {{0, 3}, {3}},
    {{2, 0}, {2, 1}},
};

}  // namespace

TEMPLATE_TEST_CASE("binary functions broadcast as xtensor's do", "", float, double) {
  using T = TestType;
  for (const auto& [sa, sb] : broadcasts) {
    const auto a = wave<T>(sa), b = positive<T>(sb, 1.1), p = positive<T>(sa);
    INFO(to_string(sa) << " and " << to_string(sb));
    const auto same = [](const Tensor<T>& ours, const Tensor<T>& reference) {
      REQUIRE(ours.shape() == reference.shape());
      CHECK(max_abs_difference(ours, reference) <= tolerance<T>);
    };
    same(add(a, b), evaluated<T>(a.array() + b.array()));
    same(sub(a, b), evaluated<T>(a.array() - b.array()));
    same(mul(a, b), evaluated<T>(a.array() * b.array()));
    same(div(a, b), evaluated<T>(a.array() / b.array()));
    same(pow(p, b), evaluated<T>(xt::pow(p.array(), b.array())));
    same(maximum(a, b), evaluated<T>(xt::maximum(a.array(), b.array())));
    same(minimum(a, b), evaluated<T>(xt::minimum(a.array(), b.array())));
    same(greater_equal(a, b), evaluated<T>(xt::cast<T>(a.array() >= b.array())));
    same(equal(a, a), Tensor<T>::ones(sa));
  }
}

TEMPLATE_TEST_CASE("unary functions", "", float, double) {
  using T = TestType;
  const auto x = wave<T>({9, 17});
  const auto p = positive<T>({9, 17});
  const auto same = [](const Tensor<T>& ours, const Tensor<T>& reference) {
    REQUIRE(ours.shape() == reference.shape());
    CHECK(max_abs_difference(ours, reference) <= tolerance<T>);
  };
  same(neg(x), evaluated<T>(-x.array()));
  same(exp(x), evaluated<T>(xt::exp(x.array())));
  same(log(p), evaluated<T>(xt::log(p.array())));
  same(sqrt(p), evaluated<T>(xt::sqrt(p.array())));
  same(sin(x), evaluated<T>(xt::sin(x.array())));
  same(cos(x), evaluated<T>(xt::cos(x.array())));
  same(tanh(x), evaluated<T>(xt::tanh(x.array())));
  same(erf(x), evaluated<T>(xt::erf(x.array())));
  same(sigmoid(x), evaluated<T>(T(1) / (T(1) + xt::exp(-x.array()))));
  same(relu(x), evaluated<T>(xt::maximum(x.array(), T(0))));
  same(abs(x), evaluated<T>(xt::abs(x.array())));
  same(sign(x), evaluated<T>(xt::sign(x.array())));
  same(reciprocal(p), evaluated<T>(T(1) / p.array()));
  same(add_scalar(x, T(2)), evaluated<T>(x.array() + T(2)));
  same(mul_scalar(x, T(2)), evaluated<T>(x.array() * T(2)));
  same(pow_scalar(p, T(1.5)), evaluated<T>(xt::pow(p.array(), T(1.5))));
  same(clip(x, T(-0.5), T(1)), evaluated<T>(xt::clip(x.array(), T(-0.5), T(1))));
}

TEMPLATE_TEST_CASE("float agrees with double to float's precision", "", float) {
  const auto x = positive<double>({501});
  for (const auto& [f, d] :
       {std::pair{exp(cast<float>(x)), exp(x)}, std::pair{log(cast<float>(x)), log(x)},
        std::pair{tanh(cast<float>(x)), tanh(x)}, std::pair{sigmoid(cast<float>(x)), sigmoid(x)}})
    CHECK(max_abs_difference(cast<double>(f), d) < 2e-6);  // |values| < 5, and so the inputs' error
}

TEMPLATE_TEST_CASE("the tails of the sigmoid keep their digits", "", float, double) {
  const auto y = sigmoid(Tensor<TestType>::vector({-80, 80, -1e4f, 1e4f, 0}));
  CHECK(static_cast<double>(y[0]) == Approx(std::exp(-80.0)).epsilon(1e-5));
  CHECK(y[1] == 1);
  CHECK(y[2] == 0);
  CHECK(y[3] == 1);
  CHECK(y[4] == TestType(0.5));
}

TEMPLATE_TEST_CASE("NaN and zero", "", float, double) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const auto x = Tensor<T>::vector({nan, 0, 1});
  CHECK(std::isnan(relu(x)[0]));
  CHECK(std::isnan(sign(x)[0]));
  CHECK(sign(x)[1] == 0);
  CHECK(std::isnan(clip(x, T(-1), T(1))[0]));
  const auto one = Tensor<T>::ones({3});
  CHECK(std::isnan(maximum(x, one)[0]));
  CHECK(std::isnan(maximum(one, x)[0]));
  CHECK(std::isnan(minimum(x, one)[0]));
  CHECK(std::isnan(minimum(one, x)[0]));
  CHECK(equal(x, x)[0] == 0);
}

TEMPLATE_TEST_CASE("zero absorbs infinity and NaN, and changes no other bit", "", float, double) {
  using T = TestType;
  const T inf = std::numeric_limits<T>::infinity(), nan = inf - inf;
  const auto zeros = Tensor<T>::vector({0, T(-0.0), 0, 0});
  const auto edges = Tensor<T>::vector({inf, nan, -inf, 0});
  CHECK(identical(absorbing_mul(zeros, edges), Tensor<T>::zeros({4})));
  CHECK(identical(absorbing_mul(edges, zeros), Tensor<T>::zeros({4})));
  CHECK(absorbing_div(zeros, edges)[1] == 0);
  CHECK(absorbing_div(zeros, edges)[3] == 0);
  CHECK(std::isnan(absorbing_mul(Tensor<T>::scalar(1), edges)[1]));
  CHECK(std::isnan(absorbing_div(edges, edges)[0]));
  CHECK(absorbing_div(edges, zeros)[0] == inf);
  for (const auto& [sa, sb] : broadcasts) {
    auto a = wave<T>(sa), b = positive<T>(sb, 1.1);
    if (a.size()) a[0] = T(-0.0);
    CHECK(identical(absorbing_mul(a, b), mul(a, b)));
    if (b.size()) b[0] = inf;
    CHECK(identical(absorbing_div(a, b), div(a, b)));
  }
}

TEMPLATE_TEST_CASE("axpy adds in place", "", float, double) {
  using T = TestType;
  const auto x = wave<T>({5, 7});
  auto y = wave<T>({5, 7}, 2);
  const auto expected = evaluated<T>(y.array() + T(3) * x.array());
  axpy(T(3), x, y);
  CHECK(max_abs_difference(y, expected) <= tolerance<T>);
  auto z = wave<T>({35});
  CHECK_THROWS_AS(axpy(T(1), x, z), ShapeError);
}

TEST_CASE("errors name the function and both shapes") {
  const Tensor<float> a(Shape{2, 3}), b(Shape{2});
  CHECK_THROWS_WITH(mul(a, b),
                    contains_text("mul") && contains_text("[2, 3]") && contains_text("[2]"));
  CHECK_THROWS_AS(add(a, b), ShapeError);
  CHECK_THROWS_AS(clip(a, 1.0f, 0.0f), ArgumentError);
}
