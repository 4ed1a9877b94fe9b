#include "papillon/lorenz/integrate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace papillon {

PAPILLON_CLONES
void advance_tile(const Lorenz63& system, const Steps& todo, float* tile, float* record) {
  detail::advance_tile_inline(system, todo, tile, record);
}
PAPILLON_CLONES
void advance_tile(const Lorenz63& system, const Steps& todo, double* tile, double* record) {
  detail::advance_tile_inline(system, todo, tile, record);
}
PAPILLON_CLONES
void advance_tile(const Lorenz96& system, const Steps& todo, float* tile, float* record) {
  detail::advance_tile_inline(system, todo, tile, record);
}
PAPILLON_CLONES
void advance_tile(const Lorenz96& system, const Steps& todo, double* tile, double* record) {
  detail::advance_tile_inline(system, todo, tile, record);
}

namespace detail {

void check_integration(std::size_t dimension, double dt, const Shape& states) {
  if (states.size() != 2 || states[1] != dimension)
    throw ShapeError(fmt::format("integrate: states have shape [{}], and should have [members, {}]",
                                 fmt::join(states, ", "), dimension));
  if (!std::isfinite(dt))
    throw ArgumentError(fmt::format("integrate: the step {} should be a finite number", dt));
}

template <class T>
void load_tile(const T* states, std::size_t dimension, std::size_t count, T* tile) {
  for (std::size_t i = 0; i < dimension; ++i)
    for (std::size_t m = 0; m < tile_members<T>; ++m)
      tile[i * tile_members<T> + m] = states[std::min(m, count - 1) * dimension + i];
}

template <class T>
void store_tile(const T* tile, std::size_t dimension, std::size_t count, T* states) {
  for (std::size_t m = 0; m < count; ++m)
    for (std::size_t i = 0; i < dimension; ++i)
      states[m * dimension + i] = tile[i * tile_members<T> + m];
}

template void load_tile(const float*, std::size_t, std::size_t, float*);
template void load_tile(const double*, std::size_t, std::size_t, double*);
template void store_tile(const float*, std::size_t, std::size_t, float*);
template void store_tile(const double*, std::size_t, std::size_t, double*);

}  // namespace detail
}  // namespace papillon
