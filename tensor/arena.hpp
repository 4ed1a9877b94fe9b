// Arena allocator with scoped release.
#pragma once

#include <cstddef>
#include <vector>

#include "papillon/tensor/rows.hpp"

namespace papillon {

// One for each thread. Memory stays valid until the Scope that it was taken in ends; blocks are
// kept, so that repeated work allocates in its first round alone.
class Arena {
 public:
  // Memory for count numbers, aligned to 64 bytes: uninitialised, zero, or as uninitialised rows.
  double* take(std::size_t count);
  double* zeros(std::size_t count);
  Rows rows(std::size_t count, std::size_t width) { return {take(count * width), count, width}; }

  // Gives everything back.
  void clear() { block_ = used_ = 0; }

  // Its end releases what was taken since its start.
  class Scope {
   public:
    // The arena must outlive it.
    explicit Scope(Arena& arena) : arena_(arena), block_(arena.block_), used_(arena.used_) {}
    ~Scope() {
      arena_.block_ = block_;
      arena_.used_ = used_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Arena& arena_;
    std::size_t block_, used_;
  };

 private:
  std::vector<Tensor<double>> blocks_;
  std::size_t block_ = 0, used_ = 0;  // where the next piece begins
};

}  // namespace papillon
