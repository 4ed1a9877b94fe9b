// Derivatives of derivatives against formulas.
#include "catch.hpp"
#include "papillon/autograd/ops.hpp"

using namespace papillon;

TEMPLATE_TEST_CASE("the Hessian of a cubic", "[second order]", float, double) {
  using V = Var<TestType>;
  // f = Σ a x³ + x₀ x₁ x₂: H = diag(6 a x) + products of two
  const V x = V::parameter(Tensor<TestType>::vector({1, 2, -3}));
  const V a(Tensor<TestType>::vector({1, -1, 2}));
  const auto at = [&](std::size_t i) { return slice(x, 0, i, i + 1); };
  const V f = sum(a * pow(x, 3)) + sum(at(0) * at(1) * at(2));
  const V v(Tensor<TestType>::vector({1, 10, 100}));
  // H = [6 -3 2; -3 -12 1; 2 1 -36]: small integers, exact in either precision
  const V hv = hessian_vector_product(f, {x}, {v})[0];
  CHECK(identical(hv.value(), Tensor<TestType>::vector({176, -23, -3588})));
  CHECK_FALSE(hv.requires_grad());
}

TEST_CASE("the Hessian of Rosenbrock's function", "[second order]") {
  using V = Var<double>;
  // f = (1 - x)² + 100 (y - x²)²: H = [2 - 400 y + 1200 x², -400 x; -400 x, 200]
  const double px = -1.2, py = 1;
  const V x = V::parameter(Tensor<double>::scalar(px)),
          y = V::parameter(Tensor<double>::scalar(py));
  const V f = pow(1 - x, 2) + pow(y - x * x, 2) * 100;
  const auto g = gradient(f, {x, y});
  CHECK(g[0].item() == Approx(-2 * (1 - px) - 400 * px * (py - px * px)).epsilon(1e-14));
  CHECK(g[1].item() == Approx(200 * (py - px * px)).epsilon(1e-14));
  const auto hv = hessian_vector_product(f, {x, y}, {V(1.0), V(2.0)});
  CHECK(hv[0].item() == Approx(2 - 400 * py + 1200 * px * px - 800 * px).epsilon(1e-14));
  CHECK(hv[1].item() == Approx(-400 * px + 400).epsilon(1e-14));
}

TEST_CASE("the gradient of a gradient, five times over", "[second order]") {
  using V = Var<double>;
  const V x = V::parameter(Tensor<double>::scalar(0.3));
  V y = sin(x);
  for (int n = 1; n <= 5; ++n) y = gradient(y, {x}, true)[0];
  CHECK(y.item() == Approx(std::cos(0.3)).epsilon(1e-14));
}

TEST_CASE("a linear loss has Hessian zero", "[second order]") {
  using V = Var<double>;
  const V x = V::parameter(Tensor<double>::vector({1, 2}));
  CHECK(identical(hessian_vector_product(sum(x * 3), {x}, {x.detach()})[0].value(),
                  Tensor<double>::zeros({2})));
}

TEST_CASE("a gradient penalty: a loss made of a gradient", "[second order]") {
  using V = Var<double>;
  // g = d Σ w x³ / dx = 3 w x²; d Σ g² / dw = 2 g 3 x² = 18 w x⁴
  const V x = V::parameter(Tensor<double>::vector({1, 2}));
  const V w = V::parameter(Tensor<double>::vector({5, 7}));
  const V g = gradient(sum(w * pow(x, 3)), {x}, true)[0];
  const V of_w = gradient(sum(g * g), {w})[0];
  CHECK(identical(of_w.value(), Tensor<double>::vector({90, 18. * 7 * 16})));
}

TEST_CASE("the jvp can be differentiated as well", "[second order]") {
  using V = Var<double>;
  const V x = V::parameter(Tensor<double>::scalar(0.5));
  const V slope = jvp(exp(x * x), {x}, {V(1.0)}, true);  // 2 x exp(x²); its derivative:
  CHECK(gradient(slope, {x})[0].item() == Approx(3 * std::exp(0.25)).epsilon(1e-14));
}
