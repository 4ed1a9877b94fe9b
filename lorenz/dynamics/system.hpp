// What a dynamical system is: a value with a dimension and a right-hand side.
#pragma once

#include <concepts>
#include <cstddef>

#include "papillon/tensor/compat.hpp"

namespace papillon::inline dynamics {

// dx/dt = tendency(x). tendency is a template on the number type V and is written once: V is a
// plain number, a Pack of many numbers (one of each ensemble member), or a Var, which gives the
// tangent-linear model and the adjoint. Constants are written V(28.0). x and dxdt never overlap.
//
//   struct Oscillator {
//     double omega = 1;
//     static constexpr std::size_t dimension() { return 2; }   // or a plain member function
//     template <class V> PAPILLON_INLINE void tendency(const V* x, V* dxdt) const {
//       dxdt[0] = x[1];
//       dxdt[1] = V(-omega * omega) * x[0];
//     }
//   };
//
// A dimension that is static constexpr keeps small systems in registers.
template <class S>
concept System = requires(const S& system, const double* x, double* dxdt) {
  { system.dimension() } -> std::convertible_to<std::size_t>;
  system.tendency(x, dxdt);
};

namespace implementation {
template <std::size_t n>
struct Constant {};
}  // namespace implementation

// The dimension is known when the program is compiled.
template <class S>
concept StaticSystem = System<S> && requires {
  implementation::Constant<S::dimension()>{};
};

}  // namespace papillon::inline dynamics
