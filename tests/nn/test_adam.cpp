// Adam against the recursion of Kingma and Ba (2015, algorithm 1), written out in double.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/nn/adam.hpp"
#include "papillon/nn/mlp.hpp"
#include "papillon/tensor/elementwise.hpp"

using namespace papillon;

namespace {

struct HandComputed {
  double p, m = 0, v = 0;
  void step(double g, int t, const AdamOptions& o) {
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(o.beta1, t)), v_hat = v / (1 - std::pow(o.beta2, t));
    p = p - o.learning_rate * o.weight_decay * p -
        o.learning_rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
  }
};

double some_gradient(std::size_t i, int t) {
  return std::sin(1.3 * static_cast<double>(i) + 0.7 * t) * (i % 3 == 0 ? 1e-3 : 2.0);
}

}  // namespace

TEMPLATE_TEST_CASE("Adam follows the paper's recursion", "", float, double) {
  using T = TestType;
  for (const double decay : {0.0, 0.01}) {
    const AdamOptions options{.learning_rate = 0.01, .weight_decay = decay};
    const std::size_t n = 37;  // no multiple of a vector register
    std::vector<T> p(n), g(n), m(n, 0), v(n, 0);
    std::vector<HandComputed> expected;
    for (std::size_t i = 0; i < n; ++i) {
      p[i] = static_cast<T>(0.1 * static_cast<double>(i) - 1);
      expected.push_back({static_cast<double>(p[i])});
    }
    for (int t = 1; t <= 50; ++t) {
      for (std::size_t i = 0; i < n; ++i) {
        g[i] = static_cast<T>(some_gradient(i, t));
        expected[i].step(static_cast<double>(g[i]), t, options);
      }
      adam_update<T>(p, g, m, v, static_cast<std::uint64_t>(t), options);
    }
    // 50 steps of size 0.01, each rounded a few times.
    const double tolerance = std::is_same_v<T, float> ? 2e-5 : 1e-13;
    for (std::size_t i = 0; i < n; ++i)
      CHECK(static_cast<double>(p[i]) == Approx(expected[i].p).margin(tolerance));
  }
}

TEST_CASE("with the bias corrected, the first step has the length of the learning rate") {
  for (const double g : {1e-4, 1.0, -300.0}) {
    std::vector<double> p{2}, gradient_{g}, m{0}, v{0};
    adam_update<double>(p, gradient_, m, v, 1, {.learning_rate = 0.01});
    CHECK(2 - p[0] == Approx(g > 0 ? 0.01 : -0.01).epsilon(2e-4));  // epsilon is 1e-4 of the least
  }
}

TEST_CASE("weight decay is decoupled: without gradient, parameters shrink by rate times decay") {
  std::vector<double> p{2, -4}, g{0, 0}, m{0, 0}, v{0, 0};
  adam_update<double>(p, g, m, v, 1, {.learning_rate = 0.1, .weight_decay = 0.5});
  CHECK(p[0] == Approx(1.9).epsilon(1e-15));
  CHECK(p[1] == Approx(-3.8).epsilon(1e-15));
}

TEST_CASE("ranges may be split at will: the same bits") {
  const std::size_t n = 1001;
  std::vector<float> g(n);
  for (std::size_t i = 0; i < n; ++i) g[i] = static_cast<float>(some_gradient(i, 1));
  std::vector<float> p(n, 1), m(n, 0), v(n, 0), q = p, mq = m, vq = v;
  adam_update<float>(p, g, m, v, 1, {});
  for (std::size_t begin = 0; begin < n; begin += 13) {
    const std::size_t size = std::min<std::size_t>(13, n - begin);
    const auto part = [&](std::vector<float>& x) { return std::span(x).subspan(begin, size); };
    adam_update<float>(part(q), part(g), part(mq), part(vq), 1, {});
  }
  CHECK(p == q);
  CHECK(m == mq);
  CHECK(v == vq);
}

TEST_CASE("an interrupted run goes on with the same bits") {
  const auto run = [](int interrupt) {
    auto p = Var<double>::parameter(Tensor<double>::vector({1, 2, 3}));
    Adam<double> adam({p}, {.learning_rate = 0.1});
    for (int t = 0; t < 10; ++t) {
      if (t == interrupt) {
        Adam<double> next({p}, {.learning_rate = 0.1});
        next.load_state(adam.state());
        CHECK(next.steps_done() == static_cast<std::uint64_t>(t));
        adam = next;
      }
      adam.step(gradient(sum(p * p * p), {p}));
    }
    return p.value();
  };
  CHECK(identical(run(-1), run(4)));
}

TEMPLATE_TEST_CASE("steps are counted exactly beyond the precision of the parameters", "", float,
                   double) {
  using T = TestType;
  const auto p = Var<T>::parameter(Tensor<T>::ones({1}));
  Adam<T> adam({p}), loaded({p});
  for (const double high : {0.0, 1.0, 16777215.0, 16777216.0, 33554432.0, 0x1p40, 0x1p47}) {
    auto state = adam.state();
    state[0].second = Tensor<T>::vector({static_cast<T>(high), 0});
    adam.load_state(state);
    for (std::uint64_t more = 0; more < 5; ++more) {
      CHECK(adam.steps_done() == static_cast<std::uint64_t>(high) + more);
      loaded.load_state(adam.state());
      CHECK(loaded.steps_done() == adam.steps_done());
      adam.step({Var<T>(Tensor<T>::ones({1}))});
    }
  }
}

TEMPLATE_TEST_CASE("a state that cannot be is refused, and changes nothing", "", float, double) {
  using T = TestType;
  const auto p = Var<T>::parameter(Tensor<T>::ones({2}));
  Adam<T> adam({p});
  for (const double steps : {16777216.0, 1.0}) {  // with and without a second part of the number
    auto good = adam.state();
    good[0].second = Tensor<T>::vector({static_cast<T>(steps), 0});
    adam.load_state(good);
    adam.step({Var<T>(Tensor<T>::ones({2}))});
    good = adam.state();
    const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
    const auto refused = [&](std::size_t entry, std::size_t at, T value) {
      CAPTURE(entry, at, value);
      auto bad = good;
      bad[entry].second[at] = value;
      CHECK_THROWS_AS(adam.load_state(bad), InputError);
      CHECK(adam.steps_done() == static_cast<std::uint64_t>(steps) + 1);
      for (std::size_t i = 0; i < good.size(); ++i)
        CHECK(identical(adam.state()[i].second, good[i].second));
    };
    for (const T value : {T(-1), T(0.5), T(-0.5), T(1e30), nan, inf, -inf, T(0x1p49)})
      refused(0, 0, value);
    for (const T value : {T(0.5), T(-1e30), T(1e30), nan, inf, T(0x1p25)})
      if (sizeof(T) == 4 || value != std::trunc(value)) refused(0, 1, value);
    for (const T value : {nan, inf, -inf}) {
      refused(1, 1, value);
      refused(2, 0, value);
    }
    refused(2, 1, T(-1e-30));
  }
  auto scalar = adam.state();
  scalar[0].second = Tensor<T>::scalar(3);
  CHECK_THROWS_AS(adam.load_state(scalar), InputError);
}

TEST_CASE("what does not fit is refused") {
  auto p = Var<float>::parameter(Tensor<float>::ones({2}));
  Adam<float> adam({p});
  CHECK_THROWS_AS(adam.step({}), ShapeError);
  CHECK_THROWS_WITH(adam.step({Var<float>(Tensor<float>::ones({3}))}),
                    contains_text("[2]") && contains_text("[3]"));
  CHECK(adam.steps_done() == 0);
  CHECK_THROWS_AS(adam.load_state({}), InputError);
  std::vector<float> a(2), b(3);
  CHECK_THROWS_AS(adam_update<float>(a, b, a, a, 1, {}), ShapeError);
  CHECK_THROWS_AS(adam_update<float>(a, a, a, a, 0, {}), ArgumentError);
}

TEST_CASE("an Mlp learns a small regression") {
  const Mlp<float> mlp({1, 32, 32, 1}, {3, 0}, Activation::tanh);
  Adam<float> adam(parameters(mlp), {.learning_rate = 5e-3});
  const auto x = random_uniform<float>({64, 1}, {3, 100}, -2, 2);
  const Var<float> input(x), target(sin(mul_scalar(x, 2.0f)));
  const auto loss = [&] { return mse_loss(mlp(input), target); };
  const float first = loss().item();
  for (int step = 0; step < 400; ++step) adam.step(gradient(loss(), parameters(mlp)));
  CHECK(first > 0.2f);
  CHECK(loss().item() < 0.01f * first);
}
