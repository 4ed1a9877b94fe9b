// The units of a network: states enter it as (state - shift) / scale, component by component.
#pragma once

#include <string_view>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

struct Normalisation {
  std::vector<double> shift, scale;  // [D] each, in the units of the states

  std::size_t dimension() const { return shift.size(); }
  bool operator==(const Normalisation&) const = default;

  // Throws ArgumentError that begins with `what` unless there is one shift and one scale for each
  // of one or more components, all finite, and scales are positive.
  void check(std::string_view what) const;

  // One state [D]; `out` may be the state.
  void normalise(const float* state, float* out) const {
    for (std::size_t j = 0; j < shift.size(); ++j)
      out[j] = static_cast<float>((static_cast<double>(state[j]) - shift[j]) / scale[j]);
  }
  void denormalise(const float* state, float* out) const {
    for (std::size_t j = 0; j < shift.size(); ++j)
      out[j] = static_cast<float>(static_cast<double>(state[j]) * scale[j] + shift[j]);
  }
  // States [..., D] in place. Throw ShapeError, and ArgumentError if shift and scale differ in
  // size.
  void normalise(Tensor<float>& states) const;
  void denormalise(Tensor<float>& states) const;
};

}  // namespace papillon
