#include "papillon/tensor/internal/small_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/tensor/compat.hpp"

namespace papillon::small {
namespace {

constexpr int most_sweeps = 60;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

struct Rotation {
  double cosine, sine;
};

// That makes (a, c; c, b) diagonal: the smaller of the two angles.
PAPILLON_INLINE Rotation jacobi_rotation(double a, double b, double c) {
  const double zeta = (b - a) / (2 * c);
  const double t = std::copysign(1.0, zeta) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
  const double cosine = 1 / std::sqrt(1 + t * t);
  return {cosine, cosine * t};
}

PAPILLON_INLINE double dot(const double* a, const double* b, std::size_t n) {
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    s0 += a[i] * b[i];
    s1 += a[i + 1] * b[i + 1];
    s2 += a[i + 2] * b[i + 2];
    s3 += a[i + 3] * b[i + 3];
  }
  for (; i < n; ++i) s0 += a[i] * b[i];
  return (s0 + s1) + (s2 + s3);
}

}  // namespace

PAPILLON_CLONES
bool orthogonalise_rows(double* a, std::size_t rows, std::size_t length, std::size_t width) {
  if (rows > most_rows) return false;
  double squares[most_rows];  // of the norms, kept up to date within a sweep
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double largest = 0;
    for (std::size_t p = 0; p < rows; ++p) {
      squares[p] = dot(a + p * width, a + p * width, length);
      if (!std::isfinite(squares[p])) return false;
      largest = std::max(largest, squares[p]);
    }
    // A row this small is rounding: its direction means nothing.
    const double negligible = largest * epsilon * epsilon;
    bool rotated = false;
    for (std::size_t p = 0; p + 1 < rows; ++p)
      for (std::size_t q = p + 1; q < rows; ++q) {
        if (squares[p] <= negligible || squares[q] <= negligible) continue;
        double *x = a + p * width, *y = a + q * width;
        const double xy = dot(x, y, length);
        if (xy * xy <= 16 * epsilon * epsilon * squares[p] * squares[q]) continue;
        rotated = true;
        const auto [c, s] = jacobi_rotation(squares[p], squares[q], xy);
        for (std::size_t i = 0; i < width; ++i) {
          const double xi = x[i], yi = y[i];
          x[i] = c * xi - s * yi;
          y[i] = s * xi + c * yi;
        }
        const double shift = s / c * xy;
        squares[p] -= shift;
        squares[q] += shift;
      }
    if (!rotated) return true;
  }
  return false;
}

bool cholesky(double* a, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) {
    double* row = a + j * n;
    for (std::size_t k = 0; k <= j; ++k) {
      double sum = row[k];
      for (std::size_t i = 0; i < k; ++i) sum -= row[i] * a[k * n + i];
      if (k < j) {
        row[k] = sum / a[k * n + k];
      } else {
        if (!(sum > 0) || !std::isfinite(sum)) return false;
        row[j] = std::sqrt(sum);
      }
    }
  }
  return true;
}

void solve_lower(const double* l, std::size_t n, double* b) {
  for (std::size_t i = 0; i < n; ++i) {
    double sum = b[i];
    for (std::size_t j = 0; j < i; ++j) sum -= l[i * n + j] * b[j];
    b[i] = sum / l[i * n + i];
  }
}

void solve_lower_transposed(const double* l, std::size_t n, double* b) {
  for (std::size_t i = n; i-- > 0;) {
    double sum = b[i];
    for (std::size_t j = i + 1; j < n; ++j) sum -= l[j * n + i] * b[j];
    b[i] = sum / l[i * n + i];
  }
}

bool symmetric_eigen(double* a, std::size_t n, double* values, double* vt) {
  double total = 0;
  for (std::size_t k = 0; k < n * n; ++k) {
    total += a[k] * a[k];
    vt[k] = 0;
  }
  for (std::size_t i = 0; i < n; ++i) vt[i * n + i] = 1;
  if (!std::isfinite(total)) return false;
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) off += a[p * n + q] * a[p * n + q];
    if (off <= epsilon * epsilon * total) {
      for (std::size_t i = 0; i < n; ++i) values[i] = a[i * n + i];
      return true;
    }
    for (std::size_t p = 0; p + 1 < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] == 0) continue;
        const auto [c, s] = jacobi_rotation(a[p * n + p], a[q * n + q], a[p * n + q]);
        for (std::size_t i = 0; i < n; ++i) {  // columns, then rows
          const double x = a[i * n + p], y = a[i * n + q];
          a[i * n + p] = c * x - s * y;
          a[i * n + q] = s * x + c * y;
        }
        for (std::size_t i = 0; i < n; ++i) {
          const double x = a[p * n + i], y = a[q * n + i];
          a[p * n + i] = c * x - s * y;
          a[q * n + i] = s * x + c * y;
          const double v = vt[p * n + i], w = vt[q * n + i];
          vt[p * n + i] = c * v - s * w;
          vt[q * n + i] = s * v + c * w;
        }
      }
  }
  return false;
}

}  // namespace papillon::small
