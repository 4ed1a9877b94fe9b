// y = x W^T + b.
#pragma once

#include <memory>

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/initialisation.hpp"
#include "papillon/nn/module.hpp"
#include "papillon/tensor/row_products.hpp"

namespace papillon {

template <class T>
struct Linear {
  using value_type = T;

  Linear() = default;
  // Weights and biases uniform in +-1/sqrt(in): weights are the stream's first elements for the
  // layer of that number in its network, biases those that follow.
  Linear(std::size_t in, std::size_t out, RandomStream stream, std::uint64_t layer = 0)
      : weight(
            Var<T>::parameter(fan_in_uniform<T>({out, in}, in, stream, layer * elements_a_layer))),
        bias(Var<T>::parameter(
            fan_in_uniform<T>({out}, in, stream, layer * elements_a_layer + out * in))) {}

  // x [N, in] -> [N, out]. Where nothing is recorded, a row's result depends on that row alone, to
  // the last bit (tensor/row_products.hpp).
  Var<T> operator()(const Var<T>& x) const {
    if (grad_enabled() && (x.requires_grad() || weight.requires_grad()))
      return matmul(x, weight, Transpose::no, Transpose::yes) + bias;
    return Var<T>(constant ? row_products(x.value(), *constant)
                           : row_products(x.value(), row_weights(weight.value()))) +
           bias;
  }

  // Makes the weights constants, to which no gradient flows, and lays them out for products of rows
  // once for all calls. They must not be changed after that.
  void freeze() {
    weight = weight.detach();
    bias = bias.detach();
    constant = std::make_shared<const RowWeights<T>>(row_weights(weight.value()));
  }

  Var<T> weight;                                  // [out, in]
  Var<T> bias;                                    // [out]
  std::shared_ptr<const RowWeights<T>> constant;  // of a frozen layer

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

}  // namespace papillon
