// The three-variable convection model of Lorenz (1963),
// doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2.
#pragma once

#include <cstddef>

#include "papillon/lorenz/dynamics/system.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline dynamics {

struct Lorenz63 {
  double sigma = 10;        // Prandtl number
  double rho = 28;          // Rayleigh number over its critical value
  double beta = 8.0 / 3.0;  // aspect ratio of the convection rolls

  // Number of components of a state.
  static constexpr std::size_t dimension() { return 3; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("sigma", self.sigma, {"Prandtl number", closed(-1e6, 1e6), Role::paired});
    visit("rho", self.rho,
          {"Rayleigh number over its critical value", closed(-1e6, 1e6), Role::paired});
    visit("beta", self.beta,
          {"8/3 for the first mode to become unstable", closed(-1e6, 1e6), Role::paired});
  }

  // The right-hand side dx/dt at x, [3] each, which must not overlap.
  template <class V>
  PAPILLON_INLINE void tendency(const V* x, V* dxdt) const {
    dxdt[0] = V(sigma) * (x[1] - x[0]);
    dxdt[1] = x[0] * (V(rho) - x[2]) - x[1];
    dxdt[2] = x[0] * x[1] - V(beta) * x[2];
  }
};

static_assert(StaticSystem<Lorenz63>);

}  // namespace papillon::inline dynamics
