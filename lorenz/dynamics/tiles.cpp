#include "papillon/lorenz/dynamics/tiles.hpp"

namespace papillon::inline dynamics {

#define PAPILLON_ADVANCE_TILE(S, T)                                                            \
  PAPILLON_CLONES void advance_tile(const S& system, const Steps& steps, T* tile, T* record) { \
    implementation::advance_tile_inline(system, steps, tile, record);                          \
  }
PAPILLON_ADVANCE_TILE(Lorenz63, float)
PAPILLON_ADVANCE_TILE(Lorenz63, double)
PAPILLON_ADVANCE_TILE(Lorenz96, float)
PAPILLON_ADVANCE_TILE(Lorenz96, double)
#undef PAPILLON_ADVANCE_TILE

}  // namespace papillon::inline dynamics
