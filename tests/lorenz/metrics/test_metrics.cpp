// The metrics of generated states.
#include <algorithm>
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/lorenz/metrics/evaluation.hpp"
#include "papillon/lorenz/metrics/extremes.hpp"
#include "papillon/lorenz/metrics/frechet.hpp"
#include "papillon/lorenz/metrics/nearest.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

Tensor<float> attractor(std::size_t members, std::size_t steps, std::size_t every,
                        std::uint64_t number) {
  TrajectorySetOptions o;
  o.members = members;
  o.burn_in = 3000;
  o.steps = steps;
  o.store_every = every;
  o.initial_std = 1;
  o.number = number;
  return trajectories(Lorenz63{}, o);
}

// Normal states with the covariance of others.
Tensor<float> gaussian_like(const Climatology& c, std::size_t rows) {
  const Tensor<double> v = c.covariance();
  const double a = std::sqrt(v(0, 0)), b = v(1, 0) / a, d = std::sqrt(v(1, 1) - b * b),
               e = v(2, 0) / a, f = (v(2, 1) - e * b) / d, g = std::sqrt(v(2, 2) - e * e - f * f);
  Tensor<double> x = random_normal<double>({rows, 3}, RandomStream{11, 0});
  for (std::size_t r = 0; r < rows; ++r) {
    const double p = x(r, 0), q = x(r, 1), s = x(r, 2);
    x(r, 0) = c.mean()[0] + a * p;
    x(r, 1) = c.mean()[1] + b * p + d * q;
    x(r, 2) = c.mean()[2] + e * p + f * q + g * s;
  }
  return cast<float>(x);
}

}  // namespace

TEST_CASE("Hellinger distance of histograms known by hand", "[lorenz]") {
  HistogramOptions o{2, 1.0};
  Histogram p(1, o), q(1, o);
  const float inf = std::numeric_limits<float>::infinity();
  const float a[] = {-0.5F, -1.0F, 0.0F, 0.9F}, b[] = {0.5F, 0.1F, 0.2F, 0.3F};
  p.add(a);
  q.add(b);
  CHECK(p.counts() == std::vector<std::uint64_t>{2, 2, 0});
  // 1/2 [(sqrt(1/2) - 0)^2 + (sqrt(1/2) - 1)^2] = 1 - sqrt(1/2)
  CHECK(hellinger_distance(p, q) == Approx(std::sqrt(1 - std::sqrt(0.5))));
  CHECK(hellinger_distance(p, p) == 0);
  Histogram out(1, o);
  const float c[] = {1.0F, -1.1F, inf, -inf, NAN};
  out.add(c);
  CHECK(out.outside() == 5);
  CHECK(hellinger_distance(p, out) == 1);
  CHECK_THROWS_AS(hellinger_distance(p, Histogram(1, o)), ArgumentError);
  CHECK_THROWS_AS(Histogram(8), ArgumentError);
  CHECK_THROWS_AS(Histogram(3).add(a), ShapeError);
}

TEST_CASE("nearest states equal those of the plain search", "[lorenz]") {
  for (const std::size_t n : {2, 3, 5}) {
    const Tensor<float> x = random_normal<float>({300, n}, RandomStream{1, n}),
                        y = random_normal<float>({500, n}, RandomStream{2, n});
    const std::vector<float> found = nearest_squared_distances(x, y);
    for (std::size_t q = 0; q < 300; ++q) {
      float best = std::numeric_limits<float>::infinity();
      for (std::size_t p = 0; p < 500; ++p) {
        float sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += (x(q, i) - y(p, i)) * (x(q, i) - y(p, i));
        best = std::min(best, sum);
      }
      CHECK(found[q] == Approx(best).epsilon(1e-5));  // sums in another order
    }
    CHECK(mean_squared_nearest_distance(y, y) == 0);
  }
  const Tensor<float> x = Tensor<float>::zeros(Shape{2, 3});
  CHECK_THROWS_AS(nearest_squared_distances(x, Tensor<float>::zeros(Shape{2, 2})), ShapeError);
  CHECK_THROWS_AS(nearest_squared_distances(x, Tensor<float>::zeros(Shape{0, 3})), ArgumentError);
  CHECK_THROWS_AS(nearest_squared_distances(x, Tensor<float>::full(Shape{2, 3}, NAN)),
                  ArgumentError);
}

TEST_CASE("Fréchet distance: closed forms", "[lorenz]") {
  const Climatology a = climatology(random_normal<double>({4000, 12}, RandomStream{3, 0}));
  CHECK(frechet_distance(a, a) == Approx(0).margin(1e-10));
  // Scaled by s and moved by m, covariances commute: |m|^2 + (s - 1)^2 tr C.
  Tensor<double> x = random_normal<double>({4000, 12}, RandomStream{3, 0});
  for (double& v : x) v = 2.5 * v;
  const Climatology b = climatology(x);
  double expected = 0;
  for (std::size_t i = 0; i < 12; ++i)
    expected += 2.25 * (a.mean()[i] * a.mean()[i] + a.covariance()(i, i));
  CHECK(frechet_distance(a, b) == Approx(expected).epsilon(1e-10));
  CHECK(frechet_distance(a, b) == Approx(frechet_distance(b, a)).epsilon(1e-10));
  // Singular covariances: points on two perpendicular axes; tr A + tr B, since A B = 0.
  Tensor<double> e = Tensor<double>::matrix({{1, 0}, {-1, 0}}),
                 f = Tensor<double>::matrix({{0, 3}, {0, -3}});
  CHECK(frechet_distance(climatology(e), climatology(f)) == Approx(2 + 18));
  CHECK_THROWS_AS(frechet_distance(a, climatology(e)), ShapeError);
}

TEST_CASE("tails: the reference has exactly its share in them", "[lorenz]") {
  const Tensor<float> x = random_normal<float>({10000, 3}, RandomStream{6, 0});
  const Tails t = tails(x);
  CHECK(share_in_tails(x, t) == Approx(0.02).epsilon(1e-12));
  CHECK(t.low[0] == Approx(-2.326).margin(0.1));
  CHECK_THROWS_AS(tails(x, 0.6), ArgumentError);
  CHECK_THROWS_AS(share_in_tails(Tensor<float>::zeros(Shape{4, 2}), t), ShapeError);
}

TEST_CASE("moment identities on the attractor, and off it", "[lorenz]") {
  const Tensor<float> x = attractor(256, 2000, 1, 1);
  const MomentIdentities id = moment_identities(climatology(x));
  // Over a time of 256 x 20 the boundary terms of the derivatives' means are below 1e-3; the
  // symmetry holds statistically only.
  CHECK(std::abs(id.errors[0]) < 0.06);
  CHECK(std::abs(id.errors[1]) < 0.06);
  for (std::size_t k = 2; k < 5; ++k) CHECK(std::abs(id.errors[k]) < 3e-3);
  const Tensor<float> g = random_normal<float>({1000, 3}, RandomStream{1, 1});
  CHECK(moment_identities(climatology(g)).worst > 0.5);
  CHECK_THROWS_AS(moment_identities(Climatology(2)), ShapeError);
}

TEST_CASE("evaluation: true states score their floor; threads do not matter", "[lorenz]") {
  const Tensor<float> reference = attractor(64, 1000, 1, 3);
  const Tensor<float> samples = attractor(64, 640, 10, 11), other = attractor(64, 1280, 10, 12);
  EvaluationOptions o;
  o.features = 32;
  const Evaluation e = evaluate(samples, reference, other, o);
  CHECK(e.samples == 4096);
  CHECK(e.reference_states == 64000);
  CHECK(e.hellinger.ratio == Approx(1).margin(0.1));
  CHECK(e.d_test.ratio == Approx(1).margin(0.5));
  CHECK(e.extremes.value == Approx(0.02).margin(0.01));
  // A few states far out carry the mean of d_gen: of 14 draws, 4 were off by more than half, so the
  // median of nine is looked at.
  std::vector<double> d_gen;
  for (std::uint64_t k = 20; k < 38; k += 2)
    d_gen.push_back(
        evaluate(attractor(64, 640, 10, k), reference, attractor(64, 1280, 10, k + 1), o)
            .d_gen.ratio);
  std::nth_element(d_gen.begin(), d_gen.begin() + 4, d_gen.end());
  CHECK(d_gen[4] == Approx(1).margin(0.5));
  set_thread_count(1);
  const Evaluation f = evaluate(samples, reference, other, o);
  set_thread_count(0);
  CHECK(e.hellinger.value == f.hellinger.value);
  CHECK(e.d_gen.value == f.d_gen.value);
  CHECK(e.frechet.value == f.frechet.value);
  Tensor<float> bad = samples;
  bad[7] = NAN;
  CHECK_THROWS_AS(evaluate(bad, reference, other, o), InputError);
  CHECK_THROWS_AS(evaluate(samples, reference, attractor(2, 10, 1, 3), o), InputError);
  CHECK_THROWS_AS(evaluate(Tensor<float>::zeros(Shape{5, 2}), reference, other, o), InputError);
}

TEST_CASE("the paper's protocol: floors, and a Gaussian", "[lorenz][.slow]") {
  TrajectorySetOptions o;
  o.set = Purpose::test_trajectories;
  const Tensor<float> reference = trajectories(Lorenz63{}, o);
  const Tensor<float> independent = attractor(1024, 25600, 200, 21);
  const Climatology c = climatology(reference);
  const Evaluation e = evaluate(gaussian_like(c, 131072), reference, independent);
  CHECK(e.hellinger.floor == Approx(0.079).margin(0.002));
  CHECK(e.hellinger.value == Approx(0.82).margin(0.01));
  CHECK(e.extremes.floor == Approx(0.02).margin(0.001));
  const MomentIdentities id = moment_identities(c);
  for (std::size_t k = 2; k < 5; ++k) CHECK(std::abs(id.errors[k]) < 1e-4);
}
