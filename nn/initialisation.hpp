// Initial values of parameters.
#pragma once

#include "papillon/tensor/random.hpp"

namespace papillon {

// A network draws all of its weights from one stream: those of its layer l are the elements
// 2^36 l ..., so networks with different streams share no weight.
inline constexpr std::uint64_t elements_a_layer = std::uint64_t{1} << 36;

// Uniform in +-1/sqrt(fan_in), the elements first ... of the stream: the reference's default for
// linear layers (He et al. 2015 with a = sqrt(5)).
template <class T>
Tensor<T> fan_in_uniform(const Shape& shape, std::size_t fan_in, RandomStream stream,
                         std::uint64_t first);

}  // namespace papillon
