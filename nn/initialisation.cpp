#include "papillon/nn/initialisation.hpp"

#include <cmath>

namespace papillon {

template <class T>
Tensor<T> fan_in_uniform(const Shape& shape, std::size_t fan_in, RandomStream stream,
                         std::uint64_t first) {
  if (fan_in == 0) throw ArgumentError("fan_in_uniform: a layer without inputs");
  Tensor<T> values(shape);
  fill_uniform<T>(stream, first, values.span());
  const T bound = T(1) / std::sqrt(static_cast<T>(fan_in));
  for (T& v : values) v = (T(2) * v - T(1)) * bound;
  return values;
}

template Tensor<float> fan_in_uniform(const Shape&, std::size_t, RandomStream, std::uint64_t);
template Tensor<double> fan_in_uniform(const Shape&, std::size_t, RandomStream, std::uint64_t);

}  // namespace papillon
