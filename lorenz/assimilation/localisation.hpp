// Tapering of covariances with distance.
#pragma once

#include <cstddef>
#include <functional>

namespace papillon::inline assimilation {

// Gaspari and Cohn (1999), eq. 4.10: a piecewise rational correlation, near a Gaussian of standard
// deviation c sqrt(3/10), and exactly 0 from distance 2 c on. c > 0.
double gaspari_cohn(double distance, double c);

// Between places i and j of a ring of n.
double ring_distance(double i, double j, double n);

// From component `state` of the state to observation `observation` (0 ... P-1).
using ObservationDistance = std::function<double(std::size_t state, std::size_t observation)>;

}  // namespace papillon::inline assimilation
