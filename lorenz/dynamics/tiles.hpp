// Steps a whole ensemble of states at once: tiles of members over threads, packs of members within.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "papillon/lorenz/lorenz63.hpp"
#include "papillon/lorenz/lorenz96.hpp"
#include "papillon/lorenz/pack.hpp"
#include "papillon/lorenz/schemes.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/tensor.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

// What one call of the innermost loop does: `steps` steps of size dt, recording after every
// `record_every` of them (0: never).
struct Steps {
  Scheme scheme = Scheme::rk4;
  double dt = 0.01;
  std::size_t steps = 1;
  std::size_t record_every = 0;
};

// Members that are stepped together; two packs of them, so that one's arithmetic hides the latency
// of the other's.
template <class T>
inline constexpr std::size_t tile_members = 2 * Pack<T>::lanes;

namespace detail {

template <Scheme scheme, class T, System S>
PAPILLON_INLINE void advance_tile_by(const S& system, const Steps& todo, std::size_t n, T* tile,
                                     T* record, Pack<T>* memory) {
  using P = Pack<T>;
  P *a = memory, *b = memory + n, *work = memory + 2 * n, *more_work = memory + 5 * n;
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = P::load(tile + i * tile_members<T>);
    b[i] = P::load(tile + i * tile_members<T> + P::lanes);
  }
  std::size_t until_record = todo.record_every;
  for (std::size_t step = 0; step < todo.steps; ++step) {
    if constexpr (scheme == Scheme::euler) {
      euler_step(system, todo.dt, n, a, work);
      euler_step(system, todo.dt, n, b, more_work);
    } else if constexpr (scheme == Scheme::heun) {
      heun_step(system, todo.dt, n, a, work);
      heun_step(system, todo.dt, n, b, more_work);
    } else {
      rk4_step(system, todo.dt, n, a, work);
      rk4_step(system, todo.dt, n, b, more_work);
    }
    if (todo.record_every != 0 && --until_record == 0) {
      until_record = todo.record_every;
      for (std::size_t i = 0; i < n; ++i, record += tile_members<T>) {
        a[i].store(record);
        b[i].store(record + P::lanes);
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    a[i].store(tile + i * tile_members<T>);
    b[i].store(tile + i * tile_members<T> + P::lanes);
  }
}

template <class T, System S>
PAPILLON_INLINE void advance_tile_with(const S& system, const Steps& todo, std::size_t n, T* tile,
                                       T* record, Pack<T>* memory) {
  switch (todo.scheme) {
    case Scheme::euler:
      return advance_tile_by<Scheme::euler>(system, todo, n, tile, record, memory);
    case Scheme::heun:
      return advance_tile_by<Scheme::heun>(system, todo, n, tile, record, memory);
    case Scheme::rk4:
      return advance_tile_by<Scheme::rk4>(system, todo, n, tile, record, memory);
  }
}

// Numbers of memory that advance_tile_with needs, in packs.
inline constexpr std::size_t packs_per_component = 8;

template <class T, System S>
PAPILLON_INLINE void advance_tile_inline(const S& system, const Steps& todo, T* tile, T* record) {
  if constexpr (StaticSystem<S>) {
    std::array<Pack<T>, packs_per_component * S::dimension()> memory;
    advance_tile_with(system, todo, S::dimension(), tile, record, memory.data());
  } else {
    std::vector<Pack<T>, RecyclingAllocator<Pack<T>>> memory(packs_per_component *
                                                             system.dimension());
    advance_tile_with(system, todo, system.dimension(), tile, record, memory.data());
  }
}

}  // namespace detail

// Steps one tile, [dimension, tile_members] in memory, in place; record, [steps / record_every,
// dimension, tile_members], may be null if nothing is recorded. Systems of the library come
// compiled for several instruction sets; a system of yours is compiled with your compiler's flags
// (-O3 -march=native is worth having), or give it overloads of its own, as in integrate.cpp.
template <class T, System S>
void advance_tile(const S& system, const Steps& todo, T* tile, T* record) {
  detail::advance_tile_inline(system, todo, tile, record);
}
void advance_tile(const Lorenz63& system, const Steps& todo, float* tile, float* record);
void advance_tile(const Lorenz63& system, const Steps& todo, double* tile, double* record);
void advance_tile(const Lorenz96& system, const Steps& todo, float* tile, float* record);
void advance_tile(const Lorenz96& system, const Steps& todo, double* tile, double* record);

// Moves states [members, dimension] by `steps` steps of size dt, in place. The result for a member
// depends neither on the number of threads nor on its place in the ensemble. A state that blows up
// becomes infinite or NaN; nothing is thrown for it. Throws ShapeError, and ArgumentError for a dt
// that is not finite.
template <class T, System S>
void integrate(const S& system, Scheme scheme, double dt, std::size_t steps, Tensor<T>& states);

namespace detail {
void check_integration(std::size_t dimension, double dt, const Shape& states);
// Members first ... first + count - 1 to a tile; the last one fills what is left of it.
template <class T>
void load_tile(const T* states, std::size_t dimension, std::size_t count, T* tile);
template <class T>
void store_tile(const T* tile, std::size_t dimension, std::size_t count, T* states);
}  // namespace detail

template <class T, System S>
void integrate(const S& system, Scheme scheme, double dt, std::size_t steps, Tensor<T>& states) {
  const std::size_t n = system.dimension(), width = tile_members<T>;
  detail::check_integration(n, dt, states.shape());
  const std::size_t members = states.extent(0);
  const Steps todo{scheme, dt, steps, 0};
  parallel_for((members + width - 1) / width, [&](std::size_t t) {
    const std::size_t count = std::min(width, members - t * width);
    T* rows = states.data() + t * width * n;
    std::vector<T> tile(n * width);
    detail::load_tile(rows, n, count, tile.data());
    advance_tile(system, todo, tile.data(), static_cast<T*>(nullptr));
    detail::store_tile(tile.data(), n, count, rows);
  });
}

}  // namespace papillon
