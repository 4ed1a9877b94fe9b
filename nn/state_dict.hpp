// A module's tensors by name, as a checkpoint keeps them.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "papillon/nn/module.hpp"
#include "papillon/nn/safetensors.hpp"

namespace papillon {

template <class T>
using StateDict = std::vector<std::pair<std::string, Tensor<T>>>;

// Copies of all parameters and buffers, in the order of the module's lists.
template <class T, class M>
StateDict<T> state_dict(const M& module) {
  StateDict<T> dict;
  for_each_leaf(module, [&](const std::string& name, const auto& leaf) {
    if constexpr (detail::LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained) {
      if (leaf.defined()) dict.emplace_back(name, leaf.value());
    } else {
      dict.emplace_back(name, leaf);
    }
  });
  return dict;
}

namespace detail {
// Throws InputError unless both lists have the same names and shapes; names all that differ.
void check_state_dict(const std::vector<std::pair<std::string, Shape>>& wanted,
                      const std::vector<std::pair<std::string, Shape>>& given);
}  // namespace detail

// Sets all parameters and buffers, found by name in any order. Throws InputError that names what is
// missing, unexpected or of another shape; the module is unchanged then.
template <class T, class M>
void load_state_dict(M& module, const StateDict<T>& dict) {
  std::vector<std::pair<std::string, Shape>> wanted, given;
  for (const auto& [name, tensor] : state_dict<T>(module))
    wanted.emplace_back(name, tensor.shape());
  for (const auto& [name, tensor] : dict) given.emplace_back(name, tensor.shape());
  detail::check_state_dict(wanted, given);
  for_each_leaf(module, [&](const std::string& name, auto& leaf) {
    for (const auto& [key, tensor] : dict) {
      if (key != name) continue;
      if constexpr (detail::LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained)
        leaf.mutable_value() = tensor;
      else
        leaf = tensor;
    }
  });
}

// The tensors of a file whose names begin with prefix (which the names in the dict do not).
// Entries that `like`, the state dict of a module, does not name are passed over unless they are
// F32, as parameters are: those mean that the file is of another module.
template <class T>
StateDict<T> stored_state_dict(const SafetensorsFile& file, const std::string& prefix,
                               const StateDict<T>& like) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : like) names.insert(name);
  StateDict<T> dict;
  for (const SafetensorsEntry& entry : file.entries) {
    if (entry.name.rfind(prefix, 0) != 0) continue;
    std::string name = entry.name.substr(prefix.size());
    if (entry.dtype == "F32" || names.count(name) != 0)
      dict.emplace_back(std::move(name), file.tensor<T>(entry.name));
  }
  return dict;
}

// Loads the module from such a file.
template <class T, class M>
void load_state_dict(M& module, const SafetensorsFile& file, const std::string& prefix = "") {
  load_state_dict<T>(module, stored_state_dict<T>(file, prefix, state_dict<T>(module)));
}

}  // namespace papillon
