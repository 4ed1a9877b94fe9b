// What makes a struct a layer: it lists its members once, and names, parameters, checkpoints and
// printing all come from that list.
//
//   struct MyLayer {
//     Linear<T> inner;
//     Var<T> gain;                      // trained
//     Tensor<T> table;                  // kept in checkpoints, not trained
//     template <class Self, class Visit>
//     static void members(Self& self, Visit&& visit) {
//       visit("inner", self.inner);
//       visit("gain", self.gain);
//       visit("table", self.table);
//     }
//   };
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon {

struct AnyMember {
  template <class M>
  void operator()(const std::string&, M&) const {}
};

template <class M>
concept Module = requires(M& m) {
  std::remove_cv_t<M>::members(m, AnyMember{});
};

// Calls f(name, leaf) for each Var<T>& and Tensor<T>& below a module, depth first, in the order of
// the lists; names are joined by '.', entries of a vector are numbered.
template <class M, class F>
void for_each_leaf(M& module, F&& f, const std::string& prefix = "") {
  std::remove_cv_t<M>::members(module, [&](const std::string& member, auto& value) {
    const std::string name = prefix.empty() ? member : prefix + "." + member;
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (Module<Value>)
      for_each_leaf(value, f, name);
    else if constexpr (requires { requires Module<typename Value::value_type>; })
      for (std::size_t i = 0; i < value.size(); ++i)
        for_each_leaf(value[i], f, name + "." + std::to_string(i));
    else
      f(name, value);
  });
}

// Calls f(module) for each module below a module, depth first, and then for itself.
template <class M, class F>
void for_each_module(M& module, F&& f) {
  std::remove_cv_t<M>::members(module, [&](const std::string&, auto& value) {
    using Value = std::remove_cvref_t<decltype(value)>;
    if constexpr (Module<Value>)
      for_each_module(value, f);
    else if constexpr (requires { requires Module<typename Value::value_type>; })
      for (auto& entry : value) for_each_module(entry, f);
  });
  f(module);
}

namespace detail {
template <class Leaf>
struct LeafTraits {
  static constexpr bool trained = false;
};
template <class T>
struct LeafTraits<Var<T>> {
  static constexpr bool trained = true;
};
}  // namespace detail

// The trained parameters, in the order of the lists: handles, not copies.
template <class M>
auto parameters(const M& module) {
  using T = typename M::value_type;
  std::vector<Var<T>> result;
  for_each_leaf(module, [&](const std::string&, const auto& leaf) {
    if constexpr (detail::LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained)
      if (leaf.defined()) result.push_back(leaf);
  });
  return result;
}

// How many numbers are trained.
template <class M>
std::size_t count_parameters(const M& module) {
  std::size_t n = 0;
  for (const auto& p : parameters(module)) n += p.value().size();
  return n;
}

// One line for each parameter and buffer: name, shape; then the number of trained values.
template <class M>
std::string describe(const M& module) {
  std::string text;
  for_each_leaf(module, [&](const std::string& name, const auto& leaf) {
    if constexpr (detail::LeafTraits<std::remove_cvref_t<decltype(leaf)>>::trained) {
      if (leaf.defined()) text += name + " " + to_string(leaf.shape()) + "\n";
    } else {
      text += name + " " + to_string(leaf.shape()) + " (fixed)\n";
    }
  });
  return text + std::to_string(count_parameters(module)) + " trained parameters\n";
}

}  // namespace papillon
