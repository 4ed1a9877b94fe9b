// How often states reach the tails of the reference.
#pragma once

#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline metrics {

// The tails of each component.
struct Tails {
  std::vector<double> low, high;
};

// The order statistics of rank probability * N and (1 - probability) * N of each column of states
// [N, D], so that twice `probability` of the reference lies at or beyond them.
Tails tails(const Tensor<float>& reference, double probability = 0.01);

// The share of states at or below low plus at or above high, mean over the components.
double share_in_tails(const Tensor<float>& states, const Tails& tails);

}  // namespace papillon::inline metrics
