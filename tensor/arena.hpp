// Memory for one analysis after another: taken piece by piece, given back at once, allocated only
// while the first analyses find out how much they need.
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

  double* operator[](std::size_t i) const { return data + i * width; }
  std::size_t size() const { return count * width; }
};

// Of a matrix, whose rows they are. Throws ShapeError for a tensor that is none.
Rows rows_of(Tensor<double>& matrix);

// One for each thread. What is taken stays valid until the Frame it was taken in ends.
class Scratch {
 public:
  double* take(std::size_t count);  // not initialised, aligned to 64 bytes
  double* zeros(std::size_t count);
  Rows rows(std::size_t count, std::size_t width) { return {take(count * width), count, width}; }

  // Gives everything back.
  void clear() { block_ = used_ = 0; }

  class Frame {
   public:
    explicit Frame(Scratch& scratch)
        : scratch_(scratch), block_(scratch.block_), used_(scratch.used_) {}
    ~Frame() {
      scratch_.block_ = block_;
      scratch_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Scratch& scratch_;
    std::size_t block_, used_;
  };

 private:
  std::vector<Tensor<double>> blocks_;
  std::size_t block_ = 0, used_ = 0;  // where the next piece begins
};

}  // namespace papillon
