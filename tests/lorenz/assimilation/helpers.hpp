// What the tests of assimilation share: closed-form Kalman updates, ensembles with given moments.
#pragma once

#include <cmath>
#include <vector>

#include "catch.hpp"
#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/linalg.hpp"

namespace papillon::testing {

using Matrix = Tensor<double>;

inline Matrix transpose(const Matrix& a) {
  Matrix t(Shape{a.extent(1), a.extent(0)});
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < a.extent(1); ++j) t(j, i) = a(i, j);
  return t;
}
inline Matrix times(const Matrix& a, const Matrix& b) {
  return matmul_reference(a, b);
}
inline Matrix plus(const Matrix& a, const Matrix& b, double factor = 1) {
  Matrix c = a;
  for (std::size_t i = 0; i < c.size(); ++i) c[i] += factor * b[i];
  return c;
}

// The update of Kalman (1960) for mean [D, 1] and covariance [D, D].
struct Gaussian {
  Matrix mean, covariance;
};
inline Gaussian kalman_update(const Gaussian& prior, const Matrix& h, const Matrix& r,
                              const Matrix& y) {
  const Matrix ph = times(prior.covariance, transpose(h));
  const Matrix s = plus(times(h, ph), r);
  const Matrix kt = solve_cholesky(cholesky(s), transpose(ph));  // K^T = S^-1 H P
  const Matrix innovation = plus(y, times(h, prior.mean), -1);
  return {plus(prior.mean, times(transpose(kt), innovation)),
          plus(prior.covariance, times(ph, kt), -1)};
}

// Mean [D, 1] and covariance (divided by M - 1) of the rows of an ensemble [M, D].
inline Gaussian moments(const Matrix& ensemble) {
  const std::size_t m = ensemble.extent(0), d = ensemble.extent(1);
  Gaussian out{Matrix::zeros({d, 1}), Matrix::zeros({d, d})};
  for (std::size_t k = 0; k < m; ++k)
    for (std::size_t i = 0; i < d; ++i) out.mean[i] += ensemble(k, i) / static_cast<double>(m);
  for (std::size_t k = 0; k < m; ++k)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        out.covariance(i, j) += (ensemble(k, i) - out.mean[i]) * (ensemble(k, j) - out.mean[j]) /
                                (static_cast<double>(m) - 1);
  return out;
}

// Rows [M, D] of some Gaussian with correlations.
inline Matrix some_ensemble(std::size_t members, std::size_t dimension, std::uint64_t seed) {
  Matrix x = random_normal<double>({members, dimension}, {seed, 77});
  const Matrix mix = random_normal<double>({dimension, dimension}, {seed, 78});
  x = times(x, mix);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += 1 + 0.3 * static_cast<double>(k % dimension);
  return x;
}
// A symmetric positive definite matrix.
inline Matrix some_covariance(std::size_t n, std::uint64_t seed) {
  const Matrix a = random_normal<double>({n, n}, {seed, 79});
  Matrix c = times(a, transpose(a));
  for (std::size_t i = 0; i < n; ++i) c(i, i) += 0.5;
  return c;
}

// One analysis of states [M, D] with observations y [P].
template <class Analyse>
Matrix analyse(Matrix states, const ObservationModel& model, const std::vector<double>& y,
               Analyse f, RandomAddress random = {}) {
  Arena memory;
  const Observation observed(model, y, memory);
  AnalysisCase one{rows_of(states), &observed, random, {}};
  f(one, memory);
  return states;
}

inline double largest_difference(const Matrix& a, const Matrix& b) {
  return max_abs_difference(a, b);
}

}  // namespace papillon::testing
