// Where each parameter of the paper's network lies in one flat array. The parameters whose
// gradients are summed over rows come first ("body"); the FiLM projections, whose gradients are
// computed once a step from the per-timestep table, come last.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "papillon/nn/flat_parameters.hpp"

namespace papillon::fused {

struct Layout {
  struct Block {
    std::size_t weight1, bias1, weight2, bias2, gamma;  // branch.0, branch.2
    std::size_t film_weight, film_bias;
  };

  // State dimension, width, residual blocks, size of the time embedding.
  Layout(std::size_t d, std::size_t h, std::size_t block_count, std::size_t e);

  std::size_t state_dim, hidden, embedding;
  std::size_t input_weight, input_bias, output_weight, output_bias;
  std::vector<Block> blocks;
  std::size_t body_size;                // parameters before the FiLM projections
  std::size_t size;                     // all of them
  std::vector<ParameterEntry> entries;  // named as in the reference implementation
};

}  // namespace papillon::fused
