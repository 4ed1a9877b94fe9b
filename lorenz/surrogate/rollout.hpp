// Forecasts by a surrogate from many initial states.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "papillon/lorenz/surrogate/surrogate.hpp"

namespace papillon::inline surrogate {

// A forecast whose normalised state leaves [-limit, limit] in some component, or is not finite, has
// diverged: it is held at the edge of that box from then on, so that errors stay finite.
struct Rollout {
  Tensor<float> states;                    // [W, leads, D], physical units, after 1, 2, ... steps
  std::vector<std::uint32_t> diverged_at;  // [W]: the lead (1, 2, ...), or leads + 1 if it did not
};

// `leads` steps from initial [W, D], physical units; tiles of initial states over threads, the same
// bits for any number of them. Throws ShapeError, ArgumentError.
Rollout rollout(const Surrogate& surrogate, const Tensor<float>& initial, std::size_t leads,
                double limit = 10);

}  // namespace papillon::inline surrogate
