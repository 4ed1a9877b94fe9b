// Steps a whole ensemble of states at once: tiles of members over threads, packs of members within.
#pragma once

#include <algorithm>

#include "papillon/lorenz/dynamics/any_system.hpp"
#include "papillon/tensor/enum_names.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::inline dynamics {

// Of the arithmetic; what is stored has a precision of its own.
enum class Precision { float32, float64 };
constexpr auto enum_names(Precision) {
  return std::array{"float", "double"};
}

// Moves states [members, dimension] by `steps` steps of size dt, in place. The result for a member
// depends neither on the number of threads nor on its place in the ensemble. A state that blows up
// becomes infinite or NaN; nothing is thrown for it. Throws ShapeError, and ArgumentError for a dt
// that is not finite.
template <class T>
void integrate(const AnySystem& system, const Scheme& scheme, double dt, std::size_t steps,
               Tensor<T>& states);

// The same for `members` rows of memory, with arithmetic in T; nothing is checked.
template <class T, class Stored>
void integrate_rows(const AnySystem& system, const Steps& steps, std::size_t members,
                    Stored* states);

namespace implementation {
// The first `count` members of a tile [dimension, tile_members]; the last one of them fills the
// rest of it.
template <class T, class Stored>
void load_tile(const Stored* states, std::size_t dimension, std::size_t count, T* tile) {
  for (std::size_t i = 0; i < dimension; ++i) {
    T* row = tile + i * tile_members<T>;
    for (std::size_t m = 0; m < count; ++m) row[m] = static_cast<T>(states[m * dimension + i]);
    std::fill(row + count, row + tile_members<T>, row[count - 1]);
  }
}
}  // namespace implementation

}  // namespace papillon::inline dynamics
