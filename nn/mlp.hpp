// A multi-layer perceptron: linear layers with an activation between them.
#pragma once

#include "papillon/nn/activations.hpp"
#include "papillon/nn/linear.hpp"

namespace papillon {

template <class T>
struct Mlp {
  using value_type = T;

  // widths: input, hidden ..., output (at least two).
  Mlp(const std::vector<std::size_t>& widths, RandomStream stream, Activation a = Activation::relu)
      : activation(a) {
    if (widths.size() < 2) throw ArgumentError("Mlp: at least an input and an output width");
    for (std::size_t l = 0; l + 1 < widths.size(); ++l)
      layers.emplace_back(widths[l], widths[l + 1], stream, l);
  }

  // The values before the last layer, [N, widths[-2]].
  Var<T> features(Var<T> x) const {
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) x = activate(activation, layers[l](x));
    return x;
  }
  Var<T> operator()(const Var<T>& x) const { return layers.back()(features(x)); }

  Activation activation;
  std::vector<Linear<T>> layers;

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("layers", self.layers);
  }
};

}  // namespace papillon
