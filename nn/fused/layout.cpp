#include "papillon/nn/fused/layout.hpp"

namespace papillon::fused {

Layout::Layout(std::size_t d, std::size_t h, std::size_t block_count, std::size_t e)
    : state_dim(d), hidden(h), embedding(e), blocks(block_count), size(0) {
  const auto place = [this](const std::string& name, const Shape& shape) {
    entries.push_back({name, size, shape});
    size += element_count(shape);
    return entries.back().offset;
  };
  const auto prefix = [](std::size_t l) { return "residual_layers." + std::to_string(l) + "."; };

  input_weight = place("input_projection.weight", {h, d});
  input_bias = place("input_projection.bias", {h});
  for (std::size_t l = 0; l < block_count; ++l) {
    blocks[l].weight1 = place(prefix(l) + "branch.0.weight", {h, h});
    blocks[l].bias1 = place(prefix(l) + "branch.0.bias", {h});
    blocks[l].weight2 = place(prefix(l) + "branch.2.weight", {h, h});
    blocks[l].bias2 = place(prefix(l) + "branch.2.bias", {h});
    blocks[l].gamma = place(prefix(l) + "gamma", {h});
  }
  output_weight = place("output_head.weight", {d, h});
  output_bias = place("output_head.bias", {d});
  body_size = size;
  for (std::size_t l = 0; l < block_count; ++l) {
    blocks[l].film_weight = place(prefix(l) + "film.affine_film.weight", {2 * h, e});
    blocks[l].film_bias = place(prefix(l) + "film.affine_film.bias", {2 * h});
  }
}

}  // namespace papillon::fused
