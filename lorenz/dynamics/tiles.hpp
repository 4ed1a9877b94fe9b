// Steps a tile of members at once, in packs of members.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "papillon/lorenz/dynamics/lorenz63.hpp"
#include "papillon/lorenz/dynamics/lorenz96.hpp"
#include "papillon/lorenz/dynamics/pack.hpp"
#include "papillon/lorenz/dynamics/schemes.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::inline dynamics {

// What one call of the innermost loop does: `count` steps of size dt, recording after every
// `record_every` of them (0: never).
struct Steps {
  Scheme scheme = Scheme::rk4;
  double dt = 0.01;
  std::size_t count = 1;
  std::size_t record_every = 0;
};

// Members that are stepped together; two packs of them, so that one's arithmetic hides the latency
// of the other's.
template <class T>
inline constexpr std::size_t tile_members = 2 * Pack<T>::lanes;

namespace implementation {

template <class T>
PAPILLON_INLINE void store_tile(const Pack<T>* a, const Pack<T>* b, std::size_t n, T* tile) {
  for (std::size_t i = 0; i < n; ++i, tile += tile_members<T>) {
    a[i].store(tile);
    b[i].store(tile + Pack<T>::lanes);
  }
}

template <class T, System S>
PAPILLON_INLINE void advance_tile_by(const Scheme& scheme, const S& system, const Steps& steps,
                                     std::size_t n, T* tile, T* record, Pack<T>* memory) {
  using P = Pack<T>;
  P *a = memory, *b = memory + n, *work = memory + 2 * n, *more_work = memory + 5 * n;
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = P::load(tile + i * tile_members<T>);
    b[i] = P::load(tile + i * tile_members<T> + P::lanes);
  }
  std::size_t until_record = steps.record_every;
  for (std::size_t s = 0; s < steps.count; ++s) {
    step(scheme, system, steps.dt, n, a, work);
    step(scheme, system, steps.dt, n, b, more_work);
    if (steps.record_every != 0 && --until_record == 0) {
      until_record = steps.record_every;
      store_tile(a, b, n, record);
      record += n * tile_members<T>;
    }
  }
  store_tile(a, b, n, tile);
}

// The loop is compiled for each scheme of the table, and once for any other.
template <std::size_t index = 0, class T, System S>
PAPILLON_INLINE void advance_tile_in(const S& system, const Steps& steps, std::size_t n, T* tile,
                                     T* record, Pack<T>* memory) {
  if constexpr (index == schemes.size()) {
    advance_tile_by(steps.scheme, system, steps, n, tile, record, memory);
  } else {
    constexpr Scheme scheme = schemes[index];
    if (steps.scheme == scheme)
      advance_tile_by(scheme, system, steps, n, tile, record, memory);
    else
      advance_tile_in<index + 1>(system, steps, n, tile, record, memory);
  }
}

// Packs of memory that advance_tile_in needs.
inline constexpr std::size_t packs_per_component = 8;

template <class T, System S>
PAPILLON_INLINE void advance_tile_inline(const S& system, const Steps& steps, T* tile, T* record) {
  if constexpr (StaticSystem<S>) {
    std::array<Pack<T>, packs_per_component * S::dimension()> memory;
    advance_tile_in(system, steps, S::dimension(), tile, record, memory.data());
  } else {
    std::vector<Pack<T>, RecyclingAllocator<Pack<T>>> memory(packs_per_component *
                                                             system.dimension());
    advance_tile_in(system, steps, system.dimension(), tile, record, memory.data());
  }
}

}  // namespace implementation

// Steps one tile, [dimension, tile_members] in memory, in place; record, [count / record_every,
// dimension, tile_members], may be null if nothing is recorded. Systems of the library come
// compiled for several instruction sets; a system of yours is compiled with your compiler's flags
// (-O3 -march=native is worth having), or give it overloads of its own, as in tiles.cpp.
template <class T, System S>
void advance_tile(const S& system, const Steps& steps, T* tile, T* record) {
  implementation::advance_tile_inline(system, steps, tile, record);
}
// The same for the systems of the library.
void advance_tile(const Lorenz63& system, const Steps& steps, float* tile, float* record);
void advance_tile(const Lorenz63& system, const Steps& steps, double* tile, double* record);
void advance_tile(const Lorenz96& system, const Steps& steps, float* tile, float* record);
void advance_tile(const Lorenz96& system, const Steps& steps, double* tile, double* record);

}  // namespace papillon::inline dynamics
