// One step of the explicit one-step schemes, for any system and any number type.
#pragma once

#include <cstddef>

#include "papillon/lorenz/system.hpp"

namespace papillon {

enum class Scheme { euler, heun, rk4 };  // of order 1, 2 and 4

// Each moves x (n = dimension of the system) by dt in place. work holds 3 n numbers.

template <class V, System S>
PAPILLON_INLINE void euler_step(const S& system, double dt, std::size_t n, V* x, V* work) {
  system.tendency(static_cast<const V*>(x), work);
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] + V(dt) * work[i];
}

// The explicit trapezoidal rule: k1 = f(x), k2 = f(x + dt k1), x += dt/2 (k1 + k2).
template <class V, System S>
PAPILLON_INLINE void heun_step(const S& system, double dt, std::size_t n, V* x, V* work) {
  V *k1 = work, *stage = work + n, *k2 = work + 2 * n;
  system.tendency(static_cast<const V*>(x), k1);
  for (std::size_t i = 0; i < n; ++i) stage[i] = x[i] + V(dt) * k1[i];
  system.tendency(static_cast<const V*>(stage), k2);
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] + V(dt / 2) * (k1[i] + k2[i]);
}

// The classical method of Runge and Kutta: x += dt/6 (k1 + 2 k2 + 2 k3 + k4).
template <class V, System S>
PAPILLON_INLINE void rk4_step(const S& system, double dt, std::size_t n, V* x, V* work) {
  V *k = work, *stage = work + n, *sum = work + 2 * n;
  system.tendency(static_cast<const V*>(x), k);
  for (std::size_t i = 0; i < n; ++i) {
    sum[i] = k[i];
    stage[i] = x[i] + V(dt / 2) * k[i];
  }
  system.tendency(static_cast<const V*>(stage), k);
  for (std::size_t i = 0; i < n; ++i) {
    sum[i] = sum[i] + V(2.0) * k[i];
    stage[i] = x[i] + V(dt / 2) * k[i];
  }
  system.tendency(static_cast<const V*>(stage), k);
  for (std::size_t i = 0; i < n; ++i) {
    sum[i] = sum[i] + V(2.0) * k[i];
    stage[i] = x[i] + V(dt) * k[i];
  }
  system.tendency(static_cast<const V*>(stage), k);
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] + V(dt / 6) * (sum[i] + k[i]);
}

}  // namespace papillon
