// The Fréchet distance of features (Heusel et al. 2017), and features to use it on.
#pragma once

#include <cstdint>
#include <functional>

#include "papillon/lorenz/climatology.hpp"

namespace papillon {

// |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)) for the means and covariances A, B of features:
// the squared Wasserstein distance of Gaussians with these moments. Throws ShapeError,
// ArgumentError.
double frechet_distance(const Climatology& a, const Climatology& b);

// Rows of states to rows of features.
using FeatureMap = std::function<Tensor<double>(const Tensor<float>& states)>;

// sqrt(2/count) [sin, cos](2 pi x W), W ~ N(0, 1) of shape [dimension, count / 2] (Rahimi and Recht
// 2007). count should be even; throws ArgumentError.
FeatureMap random_fourier_features(std::size_t dimension, std::size_t count = 256,
                                   std::uint64_t seed = 0);

// Mean and covariance of the features of states [N, D], a few thousand rows at a time; of at most
// `limit` rows (0: all), evenly spaced.
Climatology feature_climatology(const Tensor<float>& states, const FeatureMap& map,
                                std::size_t limit = 0);

}  // namespace papillon
