// The figure of states.
#pragma once

#include <filesystem>

#include "papillon/tensor/tensor.hpp"

namespace papillon::apps {

// <stem>.svg and <stem>.png: the densities of both sets of states [N, 3] (physical units) side by
// side, in three projections. Throws OutputError.
void draw_attractor(const std::filesystem::path& stem, const Tensor<float>& reference,
                    const Tensor<float>& generated);

}  // namespace papillon::apps
