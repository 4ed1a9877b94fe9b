// Schemes, packs and trajectory sets.
#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// A user's own system, with an exact solution.
struct Oscillator {
  std::size_t dimension() const { return 2; }
  template <class V>
  void tendency(const V* x, V* dxdt) const {
    dxdt[0] = x[1];
    dxdt[1] = -1.0 * x[0];
  }
};

struct Explosion {
  static constexpr std::size_t dimension() { return 1; }
  template <class V>
  void tendency(const V* x, V* dxdt) const {
    dxdt[0] = x[0] * x[0];
  }
};

double oscillator_error(const Scheme& scheme, std::size_t steps) {
  Tensor<double> x = Tensor<double>::matrix({{1, 0}});
  integrate(Oscillator{}, scheme, 1.0 / static_cast<double>(steps), steps, x);
  return std::hypot(x[0] - std::cos(1.0), x[1] + std::sin(1.0));
}

template <class T>
Tensor<T> ensemble(std::size_t members, std::size_t dimension) {
  Tensor<T> x = random_normal<T>({members, dimension}, RandomStream{7, 0});
  for (T& v : x) v = v * 5 + 3;
  return x;
}

}  // namespace

TEST_CASE("each scheme converges with its order, one of a program's own too", "[lorenz]") {
  std::vector<Scheme> all(schemes.begin(), schemes.end());
  all.push_back({"ralston", 2, 2, {2.0 / 3}, {1, 3}});  // Ralston (1962)
  for (const Scheme& scheme : all) {
    CAPTURE(scheme.name);
    // The next term of the expansion bends the slope by a few per cent at these steps.
    CHECK(std::log2(oscillator_error(scheme, 64) / oscillator_error(scheme, 128)) ==
          Approx(scheme.order).margin(0.05));
  }
}

TEST_CASE("schemes are found by name", "[lorenz]") {
  for (const Scheme& scheme : schemes) CHECK(scheme_named(scheme.name) == scheme);
  CHECK_THROWS_AS(scheme_named("leapfrog"), ArgumentError);
}

TEMPLATE_TEST_CASE("a member's result depends on neither its place nor the threads", "[lorenz]",
                   float, double) {
  using T = TestType;
  for (const std::size_t members : {1, 31, 32, 100, 257}) {
    Tensor<T> all = ensemble<T>(members, 3), all96 = ensemble<T>(members, 7);
    const Tensor<T> start = all, start96 = all96;
    set_thread_count(1);
    integrate(Lorenz63{}, Scheme::rk4, 0.01, 50, all);
    integrate(Lorenz96{7, 8}, Scheme::rk4, 0.01, 50, all96);
    set_thread_count(3);
    Tensor<T> again = start;
    integrate(Lorenz63{}, Scheme::rk4, 0.01, 50, again);
    CHECK(identical(all, again));
    set_thread_count(0);
    for (const std::size_t m : {std::size_t{0}, members / 2, members - 1}) {
      Tensor<T> alone(Shape{1, 3}, std::span<const T>(start.data() + 3 * m, 3));
      Tensor<T> alone96(Shape{1, 7}, std::span<const T>(start96.data() + 7 * m, 7));
      integrate(Lorenz63{}, Scheme::rk4, 0.01, 50, alone);
      integrate(Lorenz96{7, 8}, Scheme::rk4, 0.01, 50, alone96);
      for (std::size_t i = 0; i < 3; ++i) CHECK(alone[i] == all(m, i));
      for (std::size_t i = 0; i < 7; ++i) CHECK(alone96[i] == all96(m, i));
    }
  }
}

TEST_CASE("packs agree with the plain loop, and float with double", "[lorenz]") {
  Tensor<double> packed = ensemble<double>(5, 3), plain = packed;
  Tensor<float> single = cast<float>(packed);
  integrate(Lorenz63{}, Scheme::rk4, 0.01, 100, packed);
  integrate(Lorenz63{}, Scheme::rk4, 0.01, 100, single);
  for (std::size_t m = 0; m < 5; ++m) {
    double work[9];
    for (int s = 0; s < 100; ++s)
      step(Scheme::rk4, Lorenz63{}, 0.01, 3, plain.data() + 3 * m, work);
  }
  // Rounding, which differs where products and sums are fused, grows e^0.9-fold in this time.
  CHECK(max_abs_difference(packed, plain) < 1e-10);
  CHECK(max_abs_difference(cast<double>(single), packed) < 2e-2);
}

TEST_CASE("Lorenz-96: the fixed point, and the energy without forcing and damping", "[lorenz]") {
  Tensor<double> x = Tensor<double>::full(Shape{3, 40}, 8.0);
  integrate(Lorenz96{40, 8}, Scheme::rk4, 0.01, 100, x);
  CHECK(max_abs_difference(x, Tensor<double>::full(Shape{3, 40}, 8.0)) == 0);
  // The quadratic terms conserve sum x^2 / 2: x . tendency = -|x|^2 + F sum x.
  const Tensor<double> y = ensemble<double>(1, 40);
  std::vector<double> d(40);
  Lorenz96{40, 8}.tendency(y.data(), d.data());
  double rate = 0, expected = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    rate += y[i] * d[i];
    expected += -y[i] * y[i] + 8 * y[i];
  }
  CHECK(rate == Approx(expected).epsilon(1e-12));
}

TEST_CASE("integrate refuses states that do not fit", "[lorenz]") {
  Tensor<float> two(Shape{4, 2}), vector(Shape{3});
  two.fill(0);
  vector.fill(0);
  CHECK_THROWS_AS(integrate(Lorenz63{}, Scheme::rk4, 0.01, 1, two), ShapeError);
  CHECK_THROWS_AS(integrate(Lorenz63{}, Scheme::rk4, 0.01, 1, vector), ShapeError);
  Tensor<float> none = Tensor<float>::zeros(Shape{0, 3});
  CHECK_NOTHROW(integrate(Lorenz63{}, Scheme::rk4, 0.01, 1, none));
  CHECK_THROWS_AS(integrate(Lorenz63{}, Scheme::rk4, NAN, 1, none), ArgumentError);
}

TEST_CASE("trajectory sets: chunks, members and streams", "[lorenz]") {
  TrajectorySetOptions o;
  o.members = 19;
  o.burn_in = 200;
  o.steps = 60;
  o.store_every = 3;
  const Tensor<float> all = trajectories(Lorenz63{}, o);
  REQUIRE(all.shape() == Shape{19, 20, 3});
  CHECK(all_finite(all));
  Tensor<float> from_chunks = Tensor<float>::zeros(all.shape());
  std::size_t next = 0;
  stream_trajectories(
      Lorenz63{}, o,
      [&](const Tensor<float>& chunk, std::size_t first) {
        CHECK(first == next);
        next += chunk.extent(1);
        for (std::size_t m = 0; m < 19; ++m)
          for (std::size_t k = 0; k < chunk.extent(1) * 3; ++k)
            from_chunks[(m * 20 + first) * 3 + k] = chunk[m * chunk.extent(1) * 3 + k];
      },
      7);
  CHECK(identical(all, from_chunks));

  // The first stored state is store_every steps after the burn-in; a smaller set is a part.
  Tensor<double> x = random_normal<double>({2, 3}, random_stream(o.seed, o.set));
  for (double& v : x) v *= o.initial_std;
  integrate(Lorenz63{}, o.scheme, o.dt, o.burn_in + o.store_every, x);
  for (std::size_t m = 0; m < 2; ++m)
    for (std::size_t i = 0; i < 3; ++i) CHECK(all[m * 60 + i] == Approx(x(m, i)).epsilon(1e-6));

  TrajectorySetOptions other = o;
  other.set = Purpose::test_trajectories;
  CHECK(max_abs_difference(all, trajectories(Lorenz63{}, other)) > 1e-3F);
  o.number = 1;
  CHECK(max_abs_difference(all, trajectories(Lorenz63{}, o)) > 1e-3F);
}

TEST_CASE("trajectory sets: what must throw", "[lorenz]") {
  TrajectorySetOptions o;
  o.members = 3;
  o.burn_in = 10;
  o.steps = 10;
  auto bad = o;
  bad.members = 0;
  CHECK_THROWS_AS(trajectories(Lorenz63{}, bad), ArgumentError);
  bad = o;
  bad.dt = -1;
  CHECK_THROWS_AS(trajectories(Lorenz63{}, bad), ArgumentError);
  bad = o;
  bad.store_every = 3;
  CHECK_THROWS_AS(trajectories(Lorenz63{}, bad), ArgumentError);
  bad = o;
  bad.dt = 10;
  bad.initial_std = 10;
  bad.burn_in = 0;
  bad.steps = 100;
  try {
    trajectories(Explosion{}, bad);
    FAIL("a trajectory that blows up should throw");
  } catch (const NumericalError& e) {
    CHECK(std::string(e.what()).find("member ") != std::string::npos);
    CHECK(std::string(e.what()).find("at step ") != std::string::npos);
  }
}
