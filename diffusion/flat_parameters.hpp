// A network's parameters in the order of the fused engine.
#pragma once

#include "papillon/nn/fused/layout.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {

fused::Layout layout_of(const ResidualFilmMlp<float>& network);
// All of them, layout_of(network).size numbers. Throws ShapeError if they do not fit.
Tensor<float> flat_parameters(const ResidualFilmMlp<float>& network);

}  // namespace papillon
