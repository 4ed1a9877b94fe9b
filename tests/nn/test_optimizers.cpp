// SGD with momentum against its published rule, and the training loop that any optimizer drives.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/nn/sgd.hpp"
#include "papillon/nn/training_loop.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

TEMPLATE_TEST_CASE("SGD follows v = momentum v + g, p = p - rate v", "", float, double) {
  using T = TestType;
  for (const double momentum : {0.0, 0.9}) {
    const SgdOptions options{.learning_rate = 0.05, .momentum = momentum};
    std::vector<T> p{1, -2, 3}, v(3, 0);
    std::vector<double> expected{1, -2, 3}, velocity(3, 0);
    for (std::uint64_t step = 1; step <= 20; ++step) {
      std::vector<T> g(3);
      for (std::size_t i = 0; i < 3; ++i) {
        g[i] = static_cast<T>(std::sin(static_cast<double>(i + step)));
        velocity[i] = momentum * velocity[i] + static_cast<double>(g[i]);
        expected[i] -= 0.05 * velocity[i];
      }
      const std::span<T> state(v);
      options.update<T>(p, g, {&state, 1}, step);
    }
    // Twenty steps of size 0.05, each rounded twice.
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(static_cast<double>(p[i]) == Approx(expected[i]).margin(sizeof(T) == 4 ? 1e-5 : 1e-14));
  }
}

TEST_CASE("SGD finds the minimum of a parabola; its state goes on with the same bits") {
  auto p = Var<double>::parameter(Tensor<double>::vector({5, -3}));
  Sgd<double> sgd({p}, {.learning_rate = 0.02});
  for (int step = 0; step < 400; ++step) {
    if (step == 100) {
      Sgd<double> next({p}, {.learning_rate = 0.02});
      next.load_state(sgd.state());
      CHECK(next.steps_done() == 100);
      CHECK(next.state()[1].first == "0.velocity");
      sgd = next;
    }
    sgd.step(gradient(sum((p - 1.0) * (p - 1.0)), {p}));
  }
  CHECK(p.value()[0] == Approx(1).margin(1e-6));
  CHECK(p.value()[1] == Approx(1).margin(1e-6));
}

TEST_CASE("the training loop: any optimizer, clipping, average and checkpoint") {
  // The loss is |p - 1|^2 / 2, with the gradient p - 1.
  const auto loss = [](std::uint64_t, std::span<const float> p, std::span<float> g) {
    double total = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      g[i] = p[i] - 1;
      total += 0.5 * static_cast<double>(g[i]) * static_cast<double>(g[i]);
    }
    return total;
  };
  const std::size_t size = 70'000;  // more than two parts of the update
  for (const FlatOptimizer& optimizer :
       {FlatOptimizer(AdamOptions{}), FlatOptimizer(SgdOptions{})}) {
    const LoopOptions options{optimizer, 0.5, 0.9};
    TrainingLoop loop(Tensor<float>::zeros({size}), options), other = loop;
    const StepReport first = loop.step(loss, 0.01);
    CHECK(first.gradient_norm == Approx(std::sqrt(70'000.0)));
    CHECK(first.step == 1);
    CHECK(first.learning_rate == 0.01);
    SafetensorsFile file;
    loop.save(file);
    other.load(file, 1);
    set_thread_count(1);
    const double expected = loop.step(loss, 0.01).loss;
    set_thread_count(3);
    CHECK(other.step(loss, 0.01).loss == expected);
    set_thread_count(0);
    CHECK(expected < first.loss);
    CHECK(identical(loop.parameters(), other.parameters()));
    CHECK(identical(loop.average(), other.average()));
    CHECK(!identical(loop.parameters(), loop.average()));
    file.entries.pop_back();
    CHECK_THROWS_AS(other.load(file, 1), InputError);
  }
  TrainingLoop loop(Tensor<float>::zeros({3}), {});
  const auto broken = [](std::uint64_t, std::span<const float>, std::span<float>) {
    return std::nan("");
  };
  CHECK_THROWS_AS(loop.step(broken, 0.01), NumericalError);
}
