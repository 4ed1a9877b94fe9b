#include "papillon/lorenz/metrics/frechet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/linalg.hpp"

namespace papillon::inline metrics {
namespace {

double dot(const double* a, const double* b, std::size_t n) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  for (; i < n; ++i) lanes[0] += a[i] * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Rotates the rows of a square matrix until they are orthogonal to each other (Hestenes's one-sided
// Jacobi method): A -> Qᵀ A. The lengths of the rows are then the singular values of A, and their
// directions the right singular vectors.
PAPILLON_CLONES
void orthogonalise_rows(double* a, std::size_t n) {
  constexpr double orthogonal = 1e-14, nothing = 1e-30;
  double largest = 0;
  for (std::size_t p = 0; p < n; ++p) largest = std::max(largest, dot(a + p * n, a + p * n, n));
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < 60; ++sweep) {
    rotated = false;
    for (std::size_t p = 0; p + 1 < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        double *x = a + p * n, *y = a + q * n;
        const double xx = dot(x, x, n), yy = dot(y, y, n), xy = dot(x, y, n);
        if (std::abs(xy) <= orthogonal * std::sqrt(xx * yy) ||
            std::min(xx, yy) <= nothing * largest)
          continue;
        rotated = true;
        const double zeta = (yy - xx) / (2 * xy);
        const double t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t), s = c * t;
        for (std::size_t i = 0; i < n; ++i) {
          const double xi = x[i];
          x[i] = c * xi - s * y[i];
          y[i] = s * xi + c * y[i];
        }
      }
    }
  }
}

// The square root of a symmetric matrix that is positive semidefinite: with its eigenvectors v and
// eigenvalues l, the orthogonal rows are w = l v, and the root is sum l^(1/2) v vᵀ.
Tensor<double> square_root(const Tensor<double>& matrix) {
  const std::size_t n = matrix.extent(0);
  Tensor<double> w = matrix;
  orthogonalise_rows(w.data(), n);
  Tensor<double> root = Tensor<double>::zeros(Shape{n, n});
  for (std::size_t k = 0; k < n; ++k) {
    double* row = w.data() + k * n;
    const double length = std::sqrt(dot(row, row, n));
    const double factor = length > 0 ? std::pow(length, -0.75) : 0;
    for (std::size_t i = 0; i < n; ++i) row[i] *= factor;
  }
  gemm(Transpose::yes, Transpose::no, 1.0, w, w, 0.0, root);
  return root;
}

double trace(const Tensor<double>& matrix) {
  double sum = 0;
  for (std::size_t i = 0; i < matrix.extent(0); ++i) sum += matrix(i, i);
  return sum;
}

}  // namespace

double frechet_distance(const Climatology& a, const Climatology& b) {
  const std::size_t n = a.dimension();
  if (b.dimension() != n)
    throw ShapeError(
        fmt::format("frechet: there are {} and {} features; must be as many", n, b.dimension()));
  double distance = 0;
  for (std::size_t i = 0; i < n; ++i)
    distance += (a.mean()[i] - b.mean()[i]) * (a.mean()[i] - b.mean()[i]);
  const Tensor<double> ca = a.covariance(), cb = b.covariance();
  // tr (A B)^(1/2) is the sum of the singular values of A^(1/2) B^(1/2).
  Tensor<double> product = matmul(square_root(ca), square_root(cb));
  orthogonalise_rows(product.data(), n);
  double overlap = 0;
  for (std::size_t k = 0; k < n; ++k)
    overlap += std::sqrt(dot(product.data() + k * n, product.data() + k * n, n));
  return std::max(0.0, distance + trace(ca) + trace(cb) - 2 * overlap);
}

Tensor<float> evenly_spaced_rows(const Tensor<float>& states, std::size_t count, std::size_t first,
                                 std::size_t n) {
  const std::size_t d = states.extent(-1), all = states.size() / d;
  Tensor<float> rows(Shape{n, d});
  for (std::size_t r = 0; r < n; ++r)
    std::copy_n(states.data() + (first + r) * all / count * d, d, rows.data() + r * d);
  return rows;
}

Climatology feature_climatology(const Tensor<float>& states, const FeatureMap& map,
                                std::size_t limit) {
  if (states.rank() != 2 || states.extent(0) == 0)
    throw ShapeError("features: states have shape " + to_string(states.shape()) +
                     "; must be a matrix with rows");
  const std::size_t all = states.extent(0);
  const std::size_t rows = limit == 0 ? all : std::min(limit, all);
  constexpr std::size_t block = 65536;
  std::vector<Climatology> total;
  for (std::size_t first = 0; first < rows; first += block) {
    const Tensor<double> features =
        map(evenly_spaced_rows(states, rows, first, std::min(block, rows - first)));
    if (total.empty()) total.emplace_back(features.extent(-1));
    total[0].add(features.span());
  }
  return total[0];
}

}  // namespace papillon::inline metrics
