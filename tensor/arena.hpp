// Arena allocator with scoped release, and rows of a matrix.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// Rows of doubles, one after the other: an ensemble [members, D], observations of it [members, P].
struct Rows {
  double* data = nullptr;
  std::size_t count = 0, width = 0;

  // Row i, and the number of elements.
  double* operator[](std::size_t i) const { return data + i * width; }
  std::size_t size() const { return count * width; }
};

// The rows of a matrix. Throws ShapeError for a tensor of another rank.
Rows rows_of(Tensor<double>& matrix);

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
