// Loops over rows in tiles that stay in cache, over threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

// Rows of a tile, and tiles of so many rows.
inline constexpr std::size_t row_tile = 256;
inline std::size_t tile_count(std::size_t rows) {
  return (rows + row_tile - 1) / row_tile;
}

// f(first, n): n rows from `first` on, for each tile; on several threads, with the BLAS on one.
template <class F>
void for_each_tile(std::size_t rows, F f) {
  const SingleThreadedBlas guard;
  parallel_for(tile_count(rows), [&](std::size_t tile) {
    const std::size_t first = tile * row_tile;
    f(first, std::min(row_tile, rows - first));
  });
}

}  // namespace papillon
