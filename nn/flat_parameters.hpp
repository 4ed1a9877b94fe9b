// The parameters of a network as one flat array, which optimizers, averages and checkpoints share.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "papillon/nn/state_dict.hpp"

namespace papillon {

// Where a parameter of that name and shape begins in the flat array.
struct ParameterEntry {
  std::string name;
  std::size_t offset;
  Shape shape;
};

// The values of all entries. Throws ShapeError if the dict lacks one, or has it in another shape.
template <class T>
Tensor<T> flatten(const StateDict<T>& dict, const std::vector<ParameterEntry>& entries) {
  std::size_t size = 0;
  for (const auto& entry : entries) size += element_count(entry.shape);
  Tensor<T> flat(Shape{size});
  for (const auto& entry : entries) {
    const auto found = std::find_if(dict.begin(), dict.end(),
                                    [&](const auto& item) { return item.first == entry.name; });
    if (found == dict.end() || found->second.shape() != entry.shape)
      throw ShapeError("model: parameter " + entry.name + " does not fit the network");
    std::copy(found->second.begin(), found->second.end(), flat.data() + entry.offset);
  }
  return flat;
}

// Sets those tensors of the dict that are entries from the flat array.
template <class T>
void unflatten(std::span<const T> flat, const std::vector<ParameterEntry>& entries,
               StateDict<T>& dict) {
  for (auto& [name, tensor] : dict)
    for (const auto& entry : entries)
      if (entry.name == name) std::copy_n(flat.data() + entry.offset, tensor.size(), tensor.data());
}

}  // namespace papillon
