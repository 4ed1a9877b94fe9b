// A k-d tree over many states, whose leaves are small boxes: for sums and draws over the states
// near a point.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline assimilation {

class StateTree {
 public:
  // A box around the states begin ... end - 1 of states().
  struct Leaf {
    std::size_t begin, end;
    float squared_distance;  // from the point that was asked for to the box
  };

  // Boxes are divided at the median of their longest side until their diagonal is at most
  // `diagonal` or one state is left. states: [n, D], finite. Throws ShapeError, ArgumentError.
  StateTree(const Tensor<float>& states, double diagonal);

  std::size_t dimension() const { return dimension_; }
  std::size_t leaves() const { return leaf_count_; }
  // The states, leaf by leaf, [n, D].
  const std::vector<float>& states() const { return states_; }

  // The leaves whose boxes come nearer to the point than `distance`, appended to out in a fixed
  // order.
  void leaves_near(const float* point, double distance, std::vector<Leaf>& out) const;
  // The smallest distance from the point to a box.
  double distance_to_nearest_box(const float* point) const;

 private:
  struct Node {
    std::size_t begin, end;
    std::uint32_t left, right;  // 0: a leaf
  };
  std::uint32_t build(std::vector<std::uint32_t>& order, const Tensor<float>& states,
                      std::size_t begin, std::size_t end, float diagonal);
  float squared_distance(std::uint32_t node, const float* point) const;
  // visit(leaf) for the leaves whose boxes come nearer to the point than the root of the limit,
  // which visit may lower.
  template <class Visit>
  void visit_leaves(const float* point, float& squared_limit, Visit visit) const;

  std::size_t dimension_, leaf_count_ = 0;
  std::vector<Node> nodes_;   // the root first
  std::vector<float> boxes_;  // [nodes, 2, D]: lowest and highest
  std::vector<float> states_;
};

}  // namespace papillon::inline assimilation
