#include "papillon/lorenz/assimilation/crps.hpp"

#include <algorithm>
#include <cmath>

namespace papillon::inline assimilation {

double crps_ensemble(std::span<double> members, double truth) {
  // Sorted, sum over pairs of |x_m - x_n| = 2 sum_m (2 m - M + 1) x_(m), m from 0. Insertion: the
  // ensembles are small.
  const std::size_t n = members.size();
  if (n > 64) {
    std::sort(members.begin(), members.end());
  } else {
    for (std::size_t m = 1; m < n; ++m) {
      const double x = members[m];
      std::size_t k = m;
      for (; k > 0 && members[k - 1] > x; --k) members[k] = members[k - 1];
      members[k] = x;
    }
  }
  const double count = static_cast<double>(n);
  double distance = 0, pairs = 0, rank = 1 - count;
  for (const double x : members) {
    distance += std::abs(x - truth);
    pairs += rank * (x - truth);
    rank += 2;
  }
  return (distance - pairs / count) / count;
}

double crps_gaussian(double mean, double deviation, double truth) {
  if (!(deviation > 0)) return std::abs(mean - truth);
  const double z = (truth - mean) / deviation;
  const double density = std::exp(-z * z / 2) * 0.39894228040143267794;  // 1 / sqrt(2 pi)
  return deviation * (z * std::erf(z * 0.70710678118654752440) + 2 * density -
                      0.56418958354775628695);  // 1 / sqrt(pi)
}

std::size_t rank_of_truth(std::span<const double> members, double truth) {
  std::size_t below = 0, ties = 0;
  for (const double x : members) {
    below += x < truth;
    ties += x == truth;
  }
  return below + ties / 2;
}

}  // namespace papillon::inline assimilation
