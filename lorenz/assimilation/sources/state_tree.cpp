#include "papillon/lorenz/assimilation/internal/state_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline assimilation {

StateTree::StateTree(const Tensor<float>& states, double diagonal) {
  if (states.rank() != 2 || states.empty())
    throw ShapeError(
        fmt::format("state tree: states have shape {}; must be [n, D]", to_string(states.shape())));
  if (!(diagonal > 0))
    throw ArgumentError("state tree: the diagonal is not positive; must be positive");
  if (states.extent(0) > std::numeric_limits<std::uint32_t>::max() / 2)
    throw ArgumentError("state tree: there are too many states; must be at most 2^31");
  if (!all_finite(states)) throw ArgumentError("state tree: a state is not finite; must be finite");
  dimension_ = states.extent(1);
  std::vector<std::uint32_t> order(states.extent(0));
  std::iota(order.begin(), order.end(), 0u);
  build(order, states, 0, order.size(), static_cast<float>(diagonal));
  states_.resize(states.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    std::copy_n(states.data() + order[i] * dimension_, dimension_, states_.data() + i * dimension_);
}

// Depth is at most the logarithm of the number of states: the halves have equal sizes.
std::uint32_t StateTree::build(std::vector<std::uint32_t>& order, const Tensor<float>& states,
                               std::size_t begin, std::size_t end, float diagonal) {
  const std::size_t d = dimension_;
  const auto node = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({begin, end, 0, 0});
  boxes_.resize(boxes_.size() + 2 * d);
  std::size_t longest = 0;
  float length = -1, squares = 0;
  for (std::size_t j = 0; j < d; ++j) {
    float low = states[order[begin] * d + j], high = low;
    for (std::size_t i = begin + 1; i < end; ++i) {
      const float x = states[order[i] * d + j];
      low = std::min(low, x);
      high = std::max(high, x);
    }
    boxes_[2 * node * d + j] = low;
    boxes_[(2 * node + 1) * d + j] = high;
    squares += (high - low) * (high - low);
    if (high - low > length) {
      length = high - low;
      longest = j;
    }
  }
  if (squares <= diagonal * diagonal || end - begin == 1) {
    ++leaf_count_;
    return node;
  }
  const std::size_t middle = begin + (end - begin) / 2;
  std::nth_element(order.begin() + static_cast<std::ptrdiff_t>(begin),
                   order.begin() + static_cast<std::ptrdiff_t>(middle),
                   order.begin() + static_cast<std::ptrdiff_t>(end),
                   [&](std::uint32_t a, std::uint32_t b) {
                     const float x = states[a * d + longest], y = states[b * d + longest];
                     return x < y || (x == y && a < b);
                   });
  const std::uint32_t left = build(order, states, begin, middle, diagonal);
  const std::uint32_t right = build(order, states, middle, end, diagonal);
  nodes_[node].left = left;
  nodes_[node].right = right;
  return node;
}

float StateTree::squared_distance(std::uint32_t node, const float* point) const {
  const float *low = boxes_.data() + 2 * node * dimension_, *high = low + dimension_;
  float sum = 0;
  for (std::size_t j = 0; j < dimension_; ++j) {
    const float out = std::max(std::max(low[j] - point[j], point[j] - high[j]), 0.0f);
    sum += out * out;
  }
  return sum;
}

template <class Visit>
void StateTree::visit_leaves(const float* point, float& squared_limit, Visit visit) const {
  std::array<std::uint32_t, 128> stack;  // the tree is no deeper than 32
  std::size_t top = 0;
  stack[top++] = 0;
  while (top > 0) {
    const std::uint32_t at = stack[--top];
    const float squared = squared_distance(at, point);
    if (!(squared < squared_limit)) continue;
    const Node& node = nodes_[at];
    if (node.left == 0) {
      visit(Leaf{node.begin, node.end, squared});
    } else {
      stack[top++] = node.right;
      stack[top++] = node.left;
    }
  }
}

void StateTree::leaves_near(const float* point, double distance, std::vector<Leaf>& out) const {
  float limit = static_cast<float>(distance * distance);
  visit_leaves(point, limit, [&](const Leaf& leaf) { out.push_back(leaf); });
}

double StateTree::distance_to_nearest_box(const float* point) const {
  float best = std::numeric_limits<float>::infinity();
  visit_leaves(point, best, [&](const Leaf& leaf) { best = leaf.squared_distance; });
  return std::sqrt(static_cast<double>(best));
}

}  // namespace papillon::inline assimilation
