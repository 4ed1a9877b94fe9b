#include "papillon/tensor/arena.hpp"

#include <algorithm>

namespace papillon {

double* Arena::take(std::size_t count) {
  count = (count + 7) / 8 * 8;
  while (block_ < blocks_.size() && used_ + count > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t last = blocks_.empty() ? 512 : blocks_.back().size();
    blocks_.emplace_back(Shape{std::max(count, 2 * last)});
  }
  double* piece = blocks_[block_].data() + used_;
  used_ += count;
  return piece;
}

double* Arena::zeros(std::size_t count) {
  double* piece = take(count);
  std::fill_n(piece, count, 0.0);
  return piece;
}

}  // namespace papillon
