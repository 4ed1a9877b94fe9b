// The ring of variables of Lorenz (1996), "Predictability: a problem partly solved".
#pragma once

#include <cstddef>

#include "papillon/lorenz/dynamics/system.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline dynamics {

// dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F on a ring of size >= 4.
struct Lorenz96 {
  std::size_t size = 40;
  double forcing = 8;

  // Number of components of a state.
  std::size_t dimension() const { return size; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("dimension", self.size, {"components", closed(4, 100'000), Role::paired});
    visit("forcing", self.forcing, {"F", closed(-1e3, 1e3), Role::paired});
  }

  // The right-hand side dx/dt at x, [size] each, which must not overlap.
  template <class V>
  PAPILLON_INLINE void tendency(const V* x, V* dxdt) const {
    const std::size_t n = size;
    const V f(forcing);
    dxdt[0] = (x[1] - x[n - 2]) * x[n - 1] - x[0] + f;
    dxdt[1] = (x[2] - x[n - 1]) * x[0] - x[1] + f;
    for (std::size_t i = 2; i + 1 < n; ++i) dxdt[i] = (x[i + 1] - x[i - 2]) * x[i - 1] - x[i] + f;
    dxdt[n - 1] = (x[0] - x[n - 3]) * x[n - 2] - x[n - 1] + f;
  }
};

static_assert(System<Lorenz96> && !StaticSystem<Lorenz96>);

}  // namespace papillon::inline dynamics
