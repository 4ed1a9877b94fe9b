// How two shapes are walked together under broadcasting: the axes, merged where memory allows, as a
// few outer loops around one plane of rows and columns. Equal shapes and scalars become a single
// row; a row added to a matrix becomes one plane. Private.
#pragma once

#include <cstddef>
#include <vector>

#include "papillon/tensor/shape.hpp"

namespace papillon::detail {

// Distances between neighbours in the plane; columns are 1 or 0 apart (0: the element repeats).
struct Plane {
  std::size_t rows = 1, columns = 1;
  std::size_t a_row = 0, a_column = 1, b_row = 0, b_column = 1;
};

class BroadcastWalk {
 public:
  // Throws ShapeError naming op and both shapes.
  BroadcastWalk(const Shape& a, const Shape& b, const char* op);

  const Shape& shape() const { return shape_; }

  // Calls f(plane, offset in a, offset in b, offset in the result) for each plane.
  template <class F>
  void for_each_plane(F f) const {
    if (empty_) return;
    std::vector<std::size_t> index(outer_.size(), 0);
    std::size_t a = 0, b = 0, out = 0;
    for (;;) {
      f(plane_, a, b, out);
      out += plane_.rows * plane_.columns;
      std::size_t axis = outer_.size();
      while (axis-- > 0) {
        a += outer_[axis].a;
        b += outer_[axis].b;
        if (++index[axis] < outer_[axis].extent) break;
        a -= outer_[axis].a * outer_[axis].extent;
        b -= outer_[axis].b * outer_[axis].extent;
        index[axis] = 0;
      }
      if (axis == static_cast<std::size_t>(-1)) return;
    }
  }

 private:
  struct Axis {
    std::size_t extent, a, b;  // how many steps, and how far each goes in a and in b
  };
  Shape shape_;
  bool empty_ = false;
  Plane plane_;
  std::vector<Axis> outer_;
};

}  // namespace papillon::detail
