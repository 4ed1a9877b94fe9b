// Distances to the nearest of many states, by k-d trees: d_gen and d_test.
#pragma once

#include <cstddef>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline metrics {

// For each row of queries [Q, D] the squared distance to the nearest row of points [P, D]. Exact,
// by k-d trees over shards of the points, threaded; where consecutive queries are close together,
// as on a trajectory, it is quicker. Throws ShapeError, and ArgumentError if there are no points or
// a value is not finite.
std::vector<float> nearest_squared_distances(const Tensor<float>& queries,
                                             const Tensor<float>& points);

// Their mean: d_gen with generated states as queries and the test states as points, d_test the
// other way round.
double mean_squared_nearest_distance(const Tensor<float>& queries, const Tensor<float>& points);

}  // namespace papillon::inline metrics
