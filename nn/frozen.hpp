// A network whose weights are constants, in the same or another precision.
#pragma once

#include "papillon/nn/state_dict.hpp"

namespace papillon {

// `copy`, a network of the same structure, with the weights of `network`, to which no gradient
// flows: a graph through it costs only what its input needs. Throws InputError if they do not fit.
template <class Copy, class M>
Copy frozen(Copy copy, const M& network) {
  using T = typename Copy::value_type;
  StateDict<T> dict;
  for (const auto& [name, tensor] : state_dict<typename M::value_type>(network))
    dict.emplace_back(name, cast<T>(tensor));
  load_state_dict<T>(copy, dict);
  for_each_leaf(copy, [](const std::string&, auto& leaf) {
    if constexpr (detail::LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained)
      if (leaf.defined()) leaf = leaf.detach();
  });
  for_each_module(copy, [](auto& module) {
    if constexpr (requires { module.freeze(); }) module.freeze();
  });
  return copy;
}

}  // namespace papillon
