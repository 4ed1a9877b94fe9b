#include "papillon/diffusion/flat_parameters.hpp"

#include <algorithm>

#include "papillon/nn/state_dict.hpp"

namespace papillon {

fused::Layout layout_of(const ResidualFilmMlp<float>& network) {
  const auto& c = network.config;
  return {c.state_dim, c.hidden, c.blocks, c.embedding};
}

Tensor<float> flat_parameters(const ResidualFilmMlp<float>& network) {
  const fused::Layout layout = layout_of(network);
  Tensor<float> flat(Shape{layout.size});
  const StateDict<float> dict = state_dict<float>(network);
  for (const auto& entry : layout.entries) {
    const auto found = std::find_if(dict.begin(), dict.end(),
                                    [&](const auto& item) { return item.first == entry.name; });
    if (found == dict.end() || found->second.shape() != entry.shape)
      throw ShapeError("model: parameter " + entry.name + " does not fit the network");
    std::copy(found->second.begin(), found->second.end(), flat.data() + entry.offset);
  }
  return flat;
}

}  // namespace papillon
