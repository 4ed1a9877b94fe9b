#include "papillon/lorenz/assimilation/localisation.hpp"

#include <cmath>

namespace papillon::inline assimilation {

double gaspari_cohn(double distance, double c) {
  const double r = std::abs(distance) / c;
  if (r >= 2) return 0;
  if (r <= 1) return 1 + r * r * (-5.0 / 3 + r * (5.0 / 8 + r * (0.5 - r / 4)));
  const double taper =
      4 - 5 * r + r * r * (5.0 / 3 + r * (5.0 / 8 + r * (-0.5 + r / 12))) - 2 / (3 * r);
  return taper > 0 ? taper : 0;  // rounding near 2
}

double ring_distance(double i, double j, double n) {
  const double d = std::fmod(std::abs(i - j), n);
  return std::fmin(d, n - d);
}

}  // namespace papillon::inline assimilation
