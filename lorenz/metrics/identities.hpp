// Relations between moments that hold exactly on the attractor of Lorenz-63, because the mean of a
// derivative of a bounded quantity is zero.
#pragma once

#include <array>

#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/lorenz/dynamics/lorenz63.hpp"

namespace papillon::inline metrics {

// Relative errors, each the difference of the two sides over the size of the largest term:
//   <x> = 0 (over the standard deviation of x)     from the symmetry (x, y) -> (-x, -y)
//   <y> = 0 (over the standard deviation of y)
//   <xy> = <x^2>                                   from d(x^2)/dt
//   <xy> = beta <z>                                from dz/dt
//   <y^2> = rho <x^2> - beta <z^2>                 from d(y^2 + z^2)/dt
struct MomentIdentities {
  std::array<double, 5> errors{};
  double worst = 0;  // the largest absolute value
};

// Of states in physical units; throws ShapeError unless they have three components.
MomentIdentities moment_identities(const Climatology& states, const Lorenz63& system = {});

}  // namespace papillon::inline metrics
