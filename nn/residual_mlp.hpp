// The paper's residual network without its conditioning: blocks of LayerNorm with a learned affine
// map, two linear layers with ReLU between, times gamma, added to the input.
#pragma once

#include "papillon/nn/residual_block.hpp"

namespace papillon {

template <class T>
struct ResidualMlp {
  using value_type = T;

  struct Block {
    using value_type = T;
    LayerNorm<T> norm;
    typename ResidualBlock<T>::Branch branch;
    Var<T> gamma;  // [hidden], starts at 1e-6

    Var<T> operator()(const Var<T>& x) const { return x + branch(norm(x)) * gamma; }
    template <class Self, class Visit>
    static void members(Self& self, Visit&& visit) {
      visit("norm", self.norm);
      visit("branch", self.branch);
      visit("gamma", self.gamma);
    }
  };

  ResidualMlp(std::size_t in, std::size_t hidden, std::size_t blocks, std::size_t out,
              RandomStream stream)
      : input_projection(in, hidden, stream), output_head(hidden, out, stream, 2 * blocks + 1) {
    for (std::size_t l = 0; l < blocks; ++l)
      residual_layers.push_back(
          {LayerNorm<T>(hidden),
           {{hidden, hidden, stream, 2 * l + 1}, {hidden, hidden, stream, 2 * l + 2}},
           Var<T>::parameter(Tensor<T>::full({hidden}, T(1e-6)))});
  }

  // The values before the output head: x [N, in] -> [N, hidden].
  Var<T> features(const Var<T>& x) const {
    Var<T> h = input_projection(x);
    for (const auto& layer : residual_layers) h = layer(h);
    return h;
  }
  Var<T> operator()(const Var<T>& x) const { return output_head(features(x)); }

  Linear<T> input_projection;
  std::vector<Block> residual_layers;
  Linear<T> output_head;

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("input_projection", self.input_projection);
    visit("residual_layers", self.residual_layers);
    visit("output_head", self.output_head);
  }
};

}  // namespace papillon
