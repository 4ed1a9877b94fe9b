// The average of the weights, learning-rate schedules, and gradient clipping.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/nn/clip.hpp"
#include "papillon/nn/ema.hpp"
#include "papillon/nn/learning_rate.hpp"
#include "papillon/tensor/errors.hpp"

using namespace papillon;

TEST_CASE("the decay of the average warms up") {
  CHECK(ema_decay(0, 0.999) == Approx(0.1));
  CHECK(ema_decay(8, 0.999) == Approx(0.5));
  CHECK(ema_decay(90, 0.999) == Approx(0.91));
  CHECK(ema_decay(8981, 0.999) < 0.999);
  CHECK(ema_decay(8991, 0.999) == 0.999);
  CHECK(ema_decay(8, 0.3) == 0.3);
}

TEMPLATE_TEST_CASE("the average follows decay average + (1 - decay) p", "", float, double) {
  using T = TestType;
  std::vector<T> average(19), p(19);
  std::vector<double> expected(19);
  for (std::size_t i = 0; i < 19; ++i)
    average[i] = static_cast<T>(expected[i] = static_cast<double>(i));
  for (std::uint64_t step = 0; step < 100; ++step) {
    const double decay = ema_decay(step, 0.95);
    for (std::size_t i = 0; i < 19; ++i) {
      p[i] = static_cast<T>(std::cos(static_cast<double>(i + step)));
      expected[i] = decay * expected[i] + (1 - decay) * static_cast<double>(p[i]);
    }
    ema_update<T>(average, p, decay);
  }
  for (std::size_t i = 0; i < 19; ++i)
    CHECK(static_cast<double>(average[i]) ==
          Approx(expected[i]).margin(sizeof(T) == 4 ? 1e-6 : 1e-14));
}

TEST_CASE("an average of constant weights stays, bit for bit") {
  std::vector<float> average{0.1f, -3e7f, 1e-30f};
  const auto p = average;
  for (int i = 0; i < 1000; ++i) ema_update<float>(average, p, 0.999);
  CHECK(average == p);
  std::vector<float> longer(4);
  CHECK_THROWS_AS(ema_update<float>(longer, p, 0.9), ShapeError);
}

TEST_CASE("the rate rises linearly, then falls as half a cosine") {
  const WarmupCosine rate{.peak = 1e-3, .last = 1e-4, .warmup = 10, .total = 110};
  CHECK(rate(0) == Approx(1e-4));
  CHECK(rate(4) == Approx(5e-4));
  CHECK(rate(9) == Approx(1e-3));
  CHECK(rate(10) == Approx(1e-3));
  CHECK(rate(60) == Approx(0.5 * (1e-3 + 1e-4)));
  CHECK(rate(110) == Approx(1e-4));
  CHECK(rate(100000) == Approx(1e-4));
  for (std::uint64_t s = 10; s < 110; ++s) CHECK(rate(s + 1) < rate(s));
  const WarmupCosine constant{.peak = 1e-3, .last = 1e-3, .warmup = 0, .total = 10};
  for (std::uint64_t s = 0; s < 20; ++s) CHECK(constant(s) == 1e-3);
  CHECK(WarmupCosine{.peak = 1, .last = 0, .warmup = 5, .total = 5}(7) == 1);
  CHECK(ConstantRate{0.25}(123) == 0.25);
}

TEST_CASE("clipping scales all gradients together, and only above the limit") {
  const auto make = [] {
    return std::vector<Var<double>>{Var<double>(Tensor<double>::vector({3, 0})),
                                    Var<double>(Tensor<double>::matrix({{0}, {4}}))};
  };
  auto g = make();
  CHECK(clip_by_global_norm(g, 10) == 5);
  CHECK(identical(g[0].value(), make()[0].value()));
  CHECK(clip_by_global_norm(g, 1) == 5);
  CHECK(g[0].value()[0] == Approx(0.6));
  CHECK(g[1].value()[1] == Approx(0.8));
  CHECK(clip_by_global_norm(g, 1) == Approx(1));
  CHECK_THROWS_AS(clip_by_global_norm(g, 0), ArgumentError);
}
