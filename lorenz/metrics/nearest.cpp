#include "papillon/lorenz/metrics/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nanoflann.hpp>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline metrics {
namespace {

#if NANOFLANN_VERSION >= 0x150
using SearchSettings = nanoflann::SearchParameters;
#else
using SearchSettings = nanoflann::SearchParams;
#endif

// Trees this large are built on one thread each, several at once.
constexpr std::size_t shard_points = std::size_t{1} << 20;
constexpr std::size_t query_block = 4096;
constexpr std::size_t leaf_points = 16;

// Points as nanoflann asks for them.
struct PointCloud {
  const float* rows;
  std::size_t count, dimension;

  std::size_t kdtree_get_point_count() const { return count; }
  float kdtree_get_pt(std::size_t point, std::size_t i) const {
    return rows[point * dimension + i];
  }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

// The nearest point, sought below a distance that is known from elsewhere.
struct Nearest {
  using DistanceType = float;
  float best;
  std::uint32_t point = 0;
  bool found = false;

  bool addPoint(float distance, std::uint32_t index) {
    if (distance < best) {
      best = distance;
      point = index;
      found = true;
    }
    return true;
  }
  float worstDist() const { return best; }
  bool full() const { return true; }
  bool empty() const { return !found; }
  std::size_t size() const { return found ? 1 : 0; }
  void sort() {}
};

float squared_distance(const float* a, const float* b, std::size_t n) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

template <int fixed_dimension>
class Shard {
 public:
  Shard(const float* points, std::size_t count, std::size_t dimension)
      : cloud_{points, count, dimension},
        tree_(static_cast<int>(dimension), cloud_,
              nanoflann::KDTreeSingleIndexAdaptorParams(leaf_points)) {
    tree_.buildIndex();
  }
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Lowers best[q] where this shard has a nearer point. The point nearest to the previous query
  // bounds the search for the next one.
  void search(const float* queries, std::size_t count, float* best) const {
    const std::size_t n = cloud_.dimension;
    const float* last = cloud_.rows;
    for (std::size_t q = 0; q < count; ++q) {
      const float* query = queries + q * n;
      Nearest nearest{std::min(best[q], squared_distance(query, last, n))};
      tree_.findNeighbors(nearest, query, SearchSettings());
      if (nearest.found) last = cloud_.rows + nearest.point * n;
      best[q] = nearest.best;
    }
  }

 private:
  using Metric = nanoflann::L2_Simple_Adaptor<float, PointCloud, float, std::uint32_t>;
  PointCloud cloud_;
  nanoflann::KDTreeSingleIndexAdaptor<Metric, PointCloud, fixed_dimension, std::uint32_t> tree_;
};

template <int fixed_dimension>
void search_all(const Tensor<float>& queries, const Tensor<float>& points,
                std::vector<float>& best) {
  const std::size_t n = points.extent(1), count = points.extent(0);
  const std::size_t shards = (count + shard_points - 1) / shard_points;
  const std::size_t at_once = std::max<std::size_t>(2, thread_count());
  for (std::size_t first = 0; first < shards; first += at_once) {
    std::vector<std::unique_ptr<Shard<fixed_dimension>>> group(std::min(at_once, shards - first));
    parallel_for(group.size(), [&](std::size_t s) {
      const std::size_t begin = (first + s) * shard_points;
      group[s] = std::make_unique<Shard<fixed_dimension>>(points.data() + begin * n,
                                                          std::min(shard_points, count - begin), n);
    });
    parallel_for((best.size() + query_block - 1) / query_block, [&](std::size_t b) {
      const std::size_t begin = b * query_block;
      for (const auto& shard : group)
        shard->search(queries.data() + begin * n, std::min(query_block, best.size() - begin),
                      best.data() + begin);
    });
  }
}

}  // namespace

std::vector<float> nearest_squared_distances(const Tensor<float>& queries,
                                             const Tensor<float>& points) {
  if (queries.rank() != 2 || points.rank() != 2 || queries.extent(1) != points.extent(1) ||
      points.extent(1) == 0)
    throw_shape_error("nearest", queries.shape(), points.shape(),
                      "must be matrices of rows of the same length");
  if (points.extent(0) == 0) throw ArgumentError("nearest: there are no points");
  if (!all_finite(queries) || !all_finite(points))
    throw ArgumentError("nearest: a state is not finite; must be finite");
  std::vector<float> best(queries.extent(0), std::numeric_limits<float>::infinity());
  if (points.extent(1) == 3)
    search_all<3>(queries, points, best);
  else
    search_all<-1>(queries, points, best);
  return best;
}

double mean_squared_nearest_distance(const Tensor<float>& queries, const Tensor<float>& points) {
  if (queries.size() == 0) throw ArgumentError("nearest: there are no queries");
  const std::vector<float> squares = nearest_squared_distances(queries, points);
  double sum = 0;
  for (const float s : squares) sum += static_cast<double>(s);
  return sum / static_cast<double>(squares.size());
}

}  // namespace papillon::inline metrics
