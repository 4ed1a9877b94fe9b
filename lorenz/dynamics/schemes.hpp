// The explicit one-step schemes, each a tableau, and one step of any of them for any system and
// number type.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "papillon/lorenz/dynamics/system.hpp"

namespace papillon::inline dynamics {

// A Runge-Kutta scheme whose stages each need the one before alone:
//   k_1 = f(x), k_{j+1} = f(x + coupling_j dt k_j), x += dt sum_j weight_j k_j / sum_j weight_j.
// To add one: a constant here and its place in schemes.
struct Scheme {
  std::string_view name;
  int order;
  std::size_t stages;
  std::array<double, 3> coupling;
  std::array<double, 4> weight;

  // Euler's method, the explicit trapezoidal rule, the classical method of Kutta (1901).
  static const Scheme euler, heun, rk4;

  // The same tableau and name.
  bool operator==(const Scheme&) const = default;
  // Sum of the weights, by which they are divided.
  constexpr double total_weight() const {
    double total = 0;
    for (std::size_t j = 0; j < stages; ++j) total += weight[j];
    return total;
  }
};
inline constexpr Scheme Scheme::euler{"euler", 1, 1, {}, {1}};
inline constexpr Scheme Scheme::heun{"heun", 2, 2, {1}, {1, 1}};
inline constexpr Scheme Scheme::rk4{"rk4", 4, 4, {0.5, 0.5, 1}, {1, 2, 2, 1}};

// All of them.
inline constexpr std::array schemes{Scheme::euler, Scheme::heun, Scheme::rk4};
std::vector<std::string> scheme_names();
// Throws ArgumentError that names them.
const Scheme& scheme_named(std::string_view name);

namespace implementation {

// Stage j >= 1 of a step, and its part in the sum.
template <class V, System S>
PAPILLON_INLINE void stage(const Scheme& scheme, std::size_t j, const S& system, double dt,
                           std::size_t n, const V* x, V* k, V* state, V* sum) {
  for (std::size_t i = 0; i < n; ++i) state[i] = x[i] + V(scheme.coupling[j - 1] * dt) * k[i];
  system.tendency(static_cast<const V*>(state), k);
  if (scheme.weight[j] == 1)
    for (std::size_t i = 0; i < n; ++i) sum[i] = sum[i] + k[i];
  else
    for (std::size_t i = 0; i < n; ++i) sum[i] = sum[i] + V(scheme.weight[j]) * k[i];
}

}  // namespace implementation

// Moves x (n = dimension of the system) by dt in place. work holds 3 n numbers.
template <class V, System S>
PAPILLON_INLINE void step(const Scheme& scheme, const S& system, double dt, std::size_t n, V* x,
                          V* work) {
  V *k = work, *state = work + n, *sum = work + 2 * n;
  system.tendency(static_cast<const V*>(x), k);
  for (std::size_t i = 0; i < n; ++i) sum[i] = k[i];
  // Written out, so that a scheme that is known to the compiler costs no loop.
  if (scheme.stages > 1) implementation::stage(scheme, 1, system, dt, n, x, k, state, sum);
  if (scheme.stages > 2) implementation::stage(scheme, 2, system, dt, n, x, k, state, sum);
  if (scheme.stages > 3) implementation::stage(scheme, 3, system, dt, n, x, k, state, sum);
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] + V(dt / scheme.total_weight()) * sum[i];
}

}  // namespace papillon::inline dynamics
