// The graph: how it is walked, shared, switched off and let go.
#include "papillon/autograd/gradient.hpp"

#include <chrono>
#include <thread>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"

using namespace papillon;
using V = Var<double>;

namespace {
V parameter(std::initializer_list<double> elements) {
  return V::parameter(Tensor<double>::vector(elements));
}
V number(double x) {
  return V::parameter(Tensor<double>::scalar(x));
}
}  // namespace

TEST_CASE("the gradient of a small formula", "[graph]") {
  const V x = parameter({1, 2}), y = parameter({3, 4}), unused = parameter({5});
  const V loss = sum(x * x * y);  // d/dx = 2 x y, d/dy = x²
  const auto g = gradient(loss, {x, y, unused, x});
  CHECK(identical(g[0].value(), Tensor<double>::vector({6, 16})));
  CHECK(identical(g[1].value(), Tensor<double>::vector({1, 4})));
  CHECK(identical(g[2].value(), Tensor<double>::vector({0})));
  CHECK(identical(g[3].value(), g[0].value()));
  CHECK_FALSE(g[0].requires_grad());
  CHECK(g[0].node() != g[3].node());
}

TEST_CASE("what was broadcast is summed", "[graph]") {
  const V scalar = number(2), column = V::parameter(Tensor<double>({2, 1}, {1, 2}));
  const V m(Tensor<double>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const auto g = gradient(sum(scalar * m + column), {scalar, column});
  CHECK(g[0].shape() == Shape{});
  CHECK(g[0].item() == 21);
  CHECK(identical(g[1].value(), Tensor<double>({2, 1}, {3, 3})));
}

TEST_CASE("a graph may be used twice", "[graph]") {
  const V x = parameter({1, 2, 3});
  const V h = exp(x), a = sum(h * h), b = sum(h);
  const auto first = gradient(a, {x})[0];
  CHECK(max_abs_difference(gradient(b, {x})[0].value(), h.value()) == 0);
  CHECK(identical(gradient(a, {x})[0].value(), first.value()));
}

TEST_CASE("gradients with respect to what was computed; forward and reverse agree", "[graph]") {
  const V x = number(3), h = x * x, y = h * h * h;  // dy/dh = 3 h², dy/dx = 6 x⁵
  const auto g = gradient(y, {h, x});
  CHECK(g[0].item() == 243);
  CHECK(g[1].item() == 1458);
  CHECK(jvp(y, {h, x}, {V(1.0), V(1.0)}).item() == 243 + 1458);
  CHECK(jvp(y, {x, x}, {V(1.0), V(2.0)}).item() == 3 * 1458);
  CHECK(gradient(y, {y})[0].item() == 1);
}

TEST_CASE("gradients share no memory", "[graph]") {
  const V x = parameter({1}), y = parameter({1}), w = V(Tensor<double>::vector({1}));
  auto g = vjp(x + y, {x, y}, w);  // add passes w on to both
  g[0].mutable_value()[0] = 7;
  CHECK(g[1].value()[0] == 1);
  CHECK(w.value()[0] == 1);
  V t = jvp(x, {x}, {w});
  t.mutable_value()[0] = 7;
  CHECK(w.value()[0] == 1);
}

TEST_CASE("diamonds cost linear time", "[graph]") {
  V x = number(1), y = x;  // 2^60 paths lead from y to x
  for (int i = 0; i < 60; ++i) y = (y + y) * 0.5;
  const auto before = std::chrono::steady_clock::now();
  CHECK(gradient(y, {x})[0].item() == 1);
  CHECK(jvp(y, {x}, {V(1.0)}).item() == 1);
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(1));
}

TEST_CASE("a chain of 300 000 ops overflows no stack and leaves nothing behind", "[graph]") {
  const std::int64_t before = live_nodes();
  {
    const V x = number(1);
    V y = x;
    for (int i = 0; i < 300000; ++i) y = -y;
    CHECK(live_nodes() == before + 300001);
    CHECK(gradient(y, {x})[0].item() == 1);
    CHECK(jvp(y, {x}, {V(1.0)}).item() == 1);
    V recorded = gradient(y, {x}, true)[0];
    CHECK(recorded.item() == 1);
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("no op keeps itself alive, nor do its derivatives", "[graph]") {
  const std::int64_t before = live_nodes();
  {
    const V x = V::parameter(Tensor<double>({2, 2}, {.1, .2, .3, .4}));
    const V y = layer_norm(softmax(tanh(exp(x)) / sqrt(x), 1)) + silu(gelu(sigmoid(x)));
    const V loss = mean(pow(matmul(y, y), 2) / (y * y + 1));
    const V g = gradient(loss, {x}, true)[0];
    gradient(sum(g * g), {x}, true);
    hessian_vector_product(loss, {x}, {x.detach()});
    gradient(jvp(loss, {x}, {x.detach()}, true), {x});
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("NoGrad and detach cut the graph", "[graph]") {
  const V x = number(3);
  V y;
  {
    const NoGrad off;
    { const NoGrad again; }
    CHECK_FALSE(grad_enabled());
    y = x * x;
    bool elsewhere = false;
    std::thread([&] { elsewhere = grad_enabled(); }).join();
    CHECK(elsewhere);
  }
  CHECK(grad_enabled());
  CHECK_FALSE(y.requires_grad());
  CHECK(y.node()->inputs.empty());
  CHECK(gradient(x * (x * x).detach(), {x})[0].item() == 9);
  CHECK_FALSE((V(1.0) + V(2.0)).requires_grad());
  CHECK(gradient(y, {x})[0].item() == 0);
  CHECK(jvp(y, {x}, {V(1.0)}).item() == 0);
}

TEST_CASE("threads build graphs on the same parameters", "[graph]") {
  const std::int64_t before = live_nodes();
  {
    const V w = parameter({1, 2, 3});
    std::vector<std::thread> threads;
    std::vector<double> results(4);
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const V loss = sum(exp(w * (t + 1)) * w);
          results[t] = gradient(loss, {w})[0].value()[0];
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (int t = 0; t < 4; ++t)  // (1 + k w) exp(k w) at w = 1
      CHECK(results[t] == Approx((t + 2) * std::exp(t + 1)).epsilon(1e-14));
  }
  CHECK(live_nodes() == before);
}

TEST_CASE("requests that make no sense are refused", "[graph]") {
  const V x = parameter({1, 2}), constant = V(Tensor<double>::vector({1, 2}));
  const V y = x * x;
  CHECK_THROWS_AS(gradient(y, {x}), ShapeError);
  CHECK_THROWS_AS(gradient(sum(y), {constant}), ArgumentError);
  CHECK_THROWS_AS(gradient(sum(y), {V()}), ArgumentError);
  CHECK_THROWS_AS(gradient(V(), {x}), ArgumentError);
  CHECK_THROWS_AS(vjp(y, {x}, V(1.0)), ShapeError);
  CHECK_THROWS_AS(jvp(y, {constant}, {constant}), ArgumentError);
  CHECK_THROWS_AS(jvp(y, {x}, {V(1.0)}), ShapeError);
  CHECK_THROWS_AS(jvp(y, {x}, {}), ArgumentError);
  const V wrong = custom_op(
      "wrong", {x}, [](const Tensor<double>& v) { return v; },
      [](const Node<double>&, const V& g) {
        return std::vector<V>{g, g};
      },
      [](const Node<double>&, std::span<const V> t) { return t[0]; });
  CHECK_THROWS_WITH(gradient(sum(wrong), {x}), contains_text("wrong: its vjp returned 2"));
  const V misshapen = custom_op(
      "misshapen", {x}, [](const Tensor<double>& v) { return v; },
      [](const Node<double>&, const V&) { return std::vector<V>{V(Tensor<double>::ones({3}))}; },
      [](const Node<double>&, std::span<const V>) { return V(Tensor<double>::ones({3})); });
  CHECK_THROWS_AS(gradient(sum(misshapen), {x}), ShapeError);
  CHECK_THROWS_AS(jvp(misshapen, {x}, {x}), ShapeError);
}
