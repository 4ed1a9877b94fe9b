// The Fréchet distance of features (Heusel et al. 2017), and features to use it on.
#pragma once

#include <functional>

#include "papillon/lorenz/dynamics/climatology.hpp"

namespace papillon::inline metrics {

// |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) for the means and covariances A, B of features:
// the squared Wasserstein distance of Gaussians with these moments. Throws ShapeError,
// ArgumentError.
double frechet_distance(const Climatology& a, const Climatology& b);

// Rows of normalised states to rows of features; those of nn/fourier_features.hpp, say.
using FeatureMap = std::function<Tensor<double>(const Tensor<float>& states)>;

// Rows first ... first + n - 1 of `count` rows that are evenly spaced over states [..., D]: [n, D].
Tensor<float> evenly_spaced_rows(const Tensor<float>& states, std::size_t count, std::size_t first,
                                 std::size_t n);

// Mean and covariance of the features of states [N, D], a few thousand rows at a time; of at most
// `limit` rows (0: all), evenly spaced.
Climatology feature_climatology(const Tensor<float>& states, const FeatureMap& map,
                                std::size_t limit = 0);

}  // namespace papillon::inline metrics
