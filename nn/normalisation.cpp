#include "papillon/nn/normalisation.hpp"

#include <fmt/format.h>

#include <cmath>

namespace papillon {
namespace {

std::size_t count_rows(const Normalisation& n, const Tensor<float>& states, const char* op) {
  const std::size_t d = n.dimension();
  if (n.scale.size() != d)
    throw ArgumentError(
        fmt::format("{}: {} shifts and {} scales; must be as many", op, d, n.scale.size()));
  if (d == 0 || states.rank() == 0 || states.shape().back() != d)
    throw ShapeError(fmt::format("{}: states of shape {} where the last extent should be {}", op,
                                 to_string(states.shape()), d));
  return states.size() / d;
}

}  // namespace

void Normalisation::check(std::string_view what) const {
  if (dimension() == 0 || scale.size() != dimension())
    throw ArgumentError(fmt::format("{}: {} shifts and {} scales (one of each a component)", what,
                                    dimension(), scale.size()));
  for (std::size_t j = 0; j < dimension(); ++j)
    if (!std::isfinite(shift[j]) || !std::isfinite(scale[j]) || !(scale[j] > 0))
      throw ArgumentError(
          fmt::format("{}: component {} has shift {} and scale {} (finite, scale > 0)", what, j,
                      shift[j], scale[j]));
}

void Normalisation::normalise(Tensor<float>& states) const {
  const std::size_t rows = count_rows(*this, states, "normalise");
  for (std::size_t i = 0; i < rows; ++i)
    normalise(states.data() + i * dimension(), states.data() + i * dimension());
}

void Normalisation::denormalise(Tensor<float>& states) const {
  const std::size_t rows = count_rows(*this, states, "denormalise");
  for (std::size_t i = 0; i < rows; ++i)
    denormalise(states.data() + i * dimension(), states.data() + i * dimension());
}

}  // namespace papillon
