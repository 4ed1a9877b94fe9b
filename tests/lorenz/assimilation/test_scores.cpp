// CRPS, ranks, tapers: closed forms.
#include <algorithm>
#include <cmath>

#include "catch.hpp"
#include "papillon/lorenz/assimilation/crps.hpp"
#include "papillon/lorenz/assimilation/localisation.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;

TEST_CASE("the CRPS of an ensemble is its definition by pairs", "[assimilation]") {
  for (const std::size_t members : {1, 2, 5, 100}) {
    std::vector<double> x(members);
    fill_normal<double>({1, members}, 0, x);
    const double y = 0.3;
    double pairs = 0, distance = 0;
    for (const double a : x) {
      distance += std::abs(a - y);
      for (const double b : x) pairs += std::abs(a - b);
    }
    const double n = static_cast<double>(members);
    CHECK(crps_ensemble(x, y) == Approx(distance / n - pairs / (2 * n * n)).margin(1e-14));
    CHECK(std::is_sorted(x.begin(), x.end()));
  }
}

TEST_CASE("the CRPS of a Gaussian is what a large sample of it has", "[assimilation]") {
  // At the mean: sigma (sqrt 2 - 1) / sqrt pi; far away: |y - mean| - sigma / sqrt pi.
  CHECK(crps_gaussian(1, 2, 1) == Approx(2 * (std::sqrt(2.0) - 1) / std::sqrt(M_PI)));
  CHECK(crps_gaussian(0, 1, 30) == Approx(30 - 1 / std::sqrt(M_PI)));
  CHECK(crps_gaussian(3, 0, 5) == 2);
  std::vector<double> x(200000);
  fill_normal<double>({7, 7}, 0, x);
  for (double& v : x) v = 1 + 2 * v;
  // Its standard error is below sigma / sqrt(n) = 0.0045.
  CHECK(crps_ensemble(x, 2.5) == Approx(crps_gaussian(1, 2, 2.5)).margin(0.015));
}

TEST_CASE("the truth has any rank as often, if it is one of them", "[assimilation]") {
  const std::size_t members = 9, draws = 40000;
  std::vector<double> counts(members + 1);
  for (std::uint64_t n = 0; n < draws; ++n) {
    std::vector<double> x(members + 1);
    fill_normal<double>({3, n}, 0, x);
    ++counts[rank_of_truth({x.data(), members}, x[members])];
  }
  // Chi-squared of 9 degrees of freedom: above 27.9 once in a thousand.
  double chi = 0;
  const double expected = static_cast<double>(draws) / 10;
  for (const double c : counts) chi += (c - expected) * (c - expected) / expected;
  CHECK(chi < 27.9);
  const double x[] = {1, 2, 2, 3};
  CHECK(rank_of_truth(x, 0) == 0);
  CHECK(rank_of_truth(x, 2) == 2);
  CHECK(rank_of_truth(x, 9) == 4);
}

TEST_CASE("Gaspari and Cohn's function: its values, its ends, its smoothness", "[assimilation]") {
  CHECK(gaspari_cohn(0, 3) == 1);
  CHECK(gaspari_cohn(3, 3) == Approx(5.0 / 24));  // both pieces at r = 1
  CHECK(gaspari_cohn(6, 3) == 0);
  CHECK(gaspari_cohn(100, 3) == 0);
  CHECK(gaspari_cohn(-1, 3) == gaspari_cohn(1, 3));
  double last = 1;
  for (double r = 0.01; r < 2; r += 0.01) {
    const double here = gaspari_cohn(r, 1);
    CHECK(here < last);
    CHECK(here >= 0);
    last = here;
  }
  for (const double r : {1.0, 2.0}) {  // value and slope are continuous
    constexpr double h = 1e-6;
    CHECK(gaspari_cohn(r - h, 1) == Approx(gaspari_cohn(r + h, 1)).margin(3 * h));
    const double left = (gaspari_cohn(r, 1) - gaspari_cohn(r - h, 1)) / h;
    const double right = (gaspari_cohn(r + h, 1) - gaspari_cohn(r, 1)) / h;
    CHECK(left == Approx(right).margin(1e-4));
  }
  // Near zero it is 1 - 5/3 r^2: the Gaussian of deviation c sqrt(3/10).
  CHECK((1 - gaspari_cohn(1e-3, 1)) / 1e-6 == Approx(5.0 / 3).epsilon(1e-2));
  CHECK(ring_distance(0, 39, 40) == 1);
  CHECK(ring_distance(5, 25, 40) == 20);
  CHECK(ring_distance(7, 7, 40) == 0);
}
