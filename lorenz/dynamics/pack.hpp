// Pack<T>: the same variable of many ensemble members, as one number to compute with.
#pragma once

#include <cstddef>
#include <cstring>

#include "papillon/tensor/compat.hpp"

namespace papillon::inline dynamics {

// A vector of 64 bytes (GCC's vector extension; Clang has it too), which the compiler splits into
// what the machine has. Operations are element by element: every lane computes the same, so a
// member's result does not depend on where in the ensemble it stands.
template <class T>
struct alignas(64) Pack {
  static constexpr std::size_t lanes = 64 / sizeof(T);
  // The compiler's vector type.
  typedef T Vector __attribute__((vector_size(64)));

  Vector v;  // the lanes

  // Uninitialised; from a vector; the same number in all lanes.
  Pack() = default;
  PAPILLON_INLINE explicit Pack(const Vector& vector) : v(vector) {}
  PAPILLON_INLINE Pack(double c) : v(Vector{} + static_cast<T>(c)) {}  // NOLINT: numbers mix

  // From `lanes` numbers, aligned or not.
  PAPILLON_INLINE static Pack load(const T* from) {
    Pack p;
    std::memcpy(&p.v, from, sizeof p.v);
    return p;
  }
  // To `lanes` numbers, aligned or not.
  PAPILLON_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof v); }

  // Element by element.
  friend PAPILLON_INLINE Pack operator+(const Pack& a, const Pack& b) { return Pack(a.v + b.v); }
  friend PAPILLON_INLINE Pack operator-(const Pack& a, const Pack& b) { return Pack(a.v - b.v); }
  friend PAPILLON_INLINE Pack operator*(const Pack& a, const Pack& b) { return Pack(a.v * b.v); }
  friend PAPILLON_INLINE Pack operator/(const Pack& a, const Pack& b) { return Pack(a.v / b.v); }
  friend PAPILLON_INLINE Pack operator-(const Pack& a) { return Pack(-a.v); }
};

}  // namespace papillon::inline dynamics
