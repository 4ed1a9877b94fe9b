// Modules and functions applied one after the other: Sequential(Linear<float>(...), Relu{}, ...).
#pragma once

#include <tuple>

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/module.hpp"

namespace papillon {

struct Relu {
  template <class T>
  Var<T> operator()(const Var<T>& x) const {
    return relu(x);
  }
};
struct Tanh {
  template <class T>
  Var<T> operator()(const Var<T>& x) const {
    return tanh(x);
  }
};
struct Silu {
  template <class T>
  Var<T> operator()(const Var<T>& x) const {
    return silu(x);
  }
};
struct Gelu {
  template <class T>
  Var<T> operator()(const Var<T>& x) const {
    return gelu(x);
  }
};

// Parameters are named by position ("0.weight", "2.bias"), as the reference names them.
template <class First, class... Rest>
struct Sequential {
  using value_type = typename First::value_type;

  explicit Sequential(First first, Rest... rest) : layers(std::move(first), std::move(rest)...) {}

  Var<value_type> operator()(const Var<value_type>& x) const {
    Var<value_type> y = x;
    std::apply([&](const auto&... layer) { ((y = layer(y)), ...); }, layers);
    return y;
  }

  std::tuple<First, Rest...> layers;

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    std::size_t i = 0;
    const auto one = [&](auto& layer) {
      const std::string name = std::to_string(i++);
      if constexpr (Module<std::remove_reference_t<decltype(layer)>>) visit(name, layer);
    };
    std::apply([&](auto&... layer) { (one(layer), ...); }, self.layers);
  }
};

}  // namespace papillon
