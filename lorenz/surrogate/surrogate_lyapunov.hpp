// Lyapunov exponents of a surrogate, through its tangent-linear model.
#pragma once

#include "papillon/lorenz/dynamics/lyapunov.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"

namespace papillon::inline surrogate {

// Per unit of time, from states [N, D] (physical units) as initial states; of the options,
// alignment, steps (of the surrogate) and orthonormalise_every are used. Throws NumericalError if a
// trajectory blows up.
LyapunovSpectrum surrogate_lyapunov(const Surrogate& surrogate, const Tensor<double>& states,
                                    LyapunovOptions options);

}  // namespace papillon::inline surrogate
