#include "papillon/tensor/internal/broadcast.hpp"

#include <algorithm>

namespace papillon::detail {

BroadcastWalk::BroadcastWalk(const Shape& a, const Shape& b, const char* op)
    : shape_(broadcast_shapes(a, b, op)) {
  empty_ = element_count(shape_) == 0;
  if (empty_) return;
  // From the innermost axis outwards; an axis joins the one inside it if both operands go on where
  // that one ended (or both stand still).
  std::size_t a_size = 1, b_size = 1;
  for (std::size_t back = 1; back <= shape_.size(); ++back) {
    const std::size_t extent = shape_[shape_.size() - back];
    const std::size_t a_extent = back <= a.size() ? a[a.size() - back] : 1;
    const std::size_t b_extent = back <= b.size() ? b[b.size() - back] : 1;
    const Axis axis{extent, a_extent == 1 ? 0 : a_size, b_extent == 1 ? 0 : b_size};
    a_size *= a_extent;
    b_size *= b_extent;
    if (extent == 1) continue;
    if (!outer_.empty() && axis.a == outer_.back().a * outer_.back().extent &&
        axis.b == outer_.back().b * outer_.back().extent)
      outer_.back().extent *= extent;
    else
      outer_.push_back(axis);
  }
  if (!outer_.empty()) {
    plane_.columns = outer_[0].extent;
    plane_.a_column = outer_[0].a;
    plane_.b_column = outer_[0].b;
  }
  if (outer_.size() > 1) {
    plane_.rows = outer_[1].extent;
    plane_.a_row = outer_[1].a;
    plane_.b_row = outer_[1].b;
  }
  outer_.erase(outer_.begin(), outer_.begin() + std::min<std::ptrdiff_t>(2, std::ssize(outer_)));
  std::reverse(outer_.begin(), outer_.end());
}

}  // namespace papillon::detail
