#include "papillon/lorenz/assimilation/ensemble_source.hpp"

#include <fmt/format.h>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline assimilation {

Tensor<double> EnsembleSource::generate(const Tensor<double>& backgrounds,
                                        std::span<const RandomAddress> addresses) const {
  if (const Shape right{addresses.size(), dimension()}; backgrounds.shape() != right)
    throw ShapeError(fmt::format("ensemble source: backgrounds have shape {}; must be {}",
                                 to_string(backgrounds.shape()), to_string(right)));
  Tensor<double> ensembles(Shape{addresses.size(), members(), dimension()});
  fill(backgrounds, addresses, ensembles);
  return ensembles;
}

}  // namespace papillon::inline assimilation
