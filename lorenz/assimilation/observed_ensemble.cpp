#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/errors.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

namespace papillon::inline assimilation {
namespace {

void subtract_mean(Rows rows, double* mean) {
  mean_of_rows(rows, mean);
  for (std::size_t m = 0; m < rows.count; ++m)
    for (std::size_t i = 0; i < rows.width; ++i) rows[m][i] -= mean[i];
}

}  // namespace

void mean_of_rows(ConstRows rows, double* mean) {
  std::copy_n(rows[0], rows.width, mean);
  for (std::size_t m = 1; m < rows.count; ++m)
    for (std::size_t i = 0; i < rows.width; ++i) mean[i] += rows[m][i];
  for (std::size_t i = 0; i < rows.width; ++i) mean[i] /= static_cast<double>(rows.count);
}

MeanAndAnomalies split_mean(ConstRows ensemble, Arena& memory) {
  MeanAndAnomalies parts{memory.take(ensemble.width), memory.rows(ensemble.count, ensemble.width)};
  std::copy_n(ensemble.data, ensemble.size(), parts.anomalies.data);
  subtract_mean(parts.anomalies, parts.mean);
  return parts;
}

void join_mean(const MeanAndAnomalies& parts, Rows ensemble) {
  for (std::size_t m = 0; m < ensemble.count; ++m)
    for (std::size_t i = 0; i < ensemble.width; ++i)
      ensemble[m][i] = parts.mean[i] + parts.anomalies[m][i];
}

ObservedAnomalies observe_ensemble(ConstRows ensemble, const Observation& observed, Arena& memory) {
  ObservedAnomalies y{memory.take(observed.count()), memory.rows(ensemble.count, observed.count())};
  observed.predict(ensemble, y.anomalies, memory);
  subtract_mean(y.anomalies, y.mean);
  observed.whiten(y.anomalies);
  return y;
}

Rows whitened_innovation(const Observation& observed, const double* predicted, Arena& memory) {
  const Rows innovation = memory.rows(1, observed.count());
  for (std::size_t i = 0; i < observed.count(); ++i)
    innovation[0][i] = observed.values()[i] - predicted[i];
  observed.whiten(innovation);
  return innovation;
}

namespace {

// From this number of rows on, LAPACK is faster than Jacobi rotations.
constexpr std::size_t lapack_rows = 10;

// S or S^T as rows, whichever has fewer of them.
struct RowsOfS {
  bool by_observation;
  std::size_t rows, length;
  ConstRows y;
  double norm;

  explicit RowsOfS(ConstRows anomalies)
      : by_observation(anomalies.width <= anomalies.count),
        rows(std::min(anomalies.width, anomalies.count)),
        length(std::max(anomalies.width, anomalies.count)),
        y(anomalies),
        norm(1 / std::sqrt(static_cast<double>(anomalies.count) - 1)) {}
  double operator()(std::size_t k, std::size_t j) const {
    return norm * (by_observation ? y[j][k] : y[k][j]);
  }
};

// Fills s, v and projections: for each row k of U diag(s) W^T the singular value, the direction in
// the space of the members (a row of W^T or a column of U) and the projections.
void decompose_by_rotations(const RowsOfS& s, ConstRows innovations, Spectrum& out, Arena& memory) {
  // Extra columns take part in the rotations: they give U^T d if the rows are observations, and U^T
  // if they are members.
  const std::size_t carried = s.by_observation ? innovations.count : s.rows;
  const std::size_t width = s.length + carried;
  double* work = memory.take(s.rows * width);
  for (std::size_t k = 0; k < s.rows; ++k) {
    double* row = work + k * width;
    for (std::size_t j = 0; j < s.length; ++j) row[j] = s(k, j);
    for (std::size_t j = 0; j < carried; ++j)
      row[s.length + j] = s.by_observation ? innovations[j][k] : (j == k ? 1.0 : 0.0);
  }
  if (!small::orthogonalise_rows(work, s.rows, s.length, width))
    throw AnalysisError(AssimilationFailure::singular,
                        "the singular values of the observed ensemble could not be found (a member "
                        "that is not finite?)");
  for (std::size_t k = 0; k < s.rows; ++k) {
    const double* row = work + k * width;
    double square = 0;
    for (std::size_t j = 0; j < s.length; ++j) square += row[j] * row[j];
    const double value = out.s[k] = std::sqrt(square), inverse = value > 0 ? 1 / value : 0;
    if (s.by_observation) {
      for (std::size_t m = 0; m < s.length; ++m) out.v[k][m] = row[m] * inverse;
      std::copy_n(row + s.length, carried, out.projections[k]);
    } else {
      std::copy_n(row + s.length, carried, out.v[k]);
      for (std::size_t i = 0; i < innovations.count; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < s.length; ++j) sum += row[j] * innovations[i][j];
        out.projections[k][i] = sum * inverse;
      }
    }
  }
}

void decompose_by_lapack(const RowsOfS& s, ConstRows innovations, Spectrum& out) {
  Tensor<double> matrix(Shape{s.rows, s.length});
  for (std::size_t k = 0; k < s.rows; ++k)
    for (std::size_t j = 0; j < s.length; ++j) matrix(k, j) = s(k, j);
  const SingularValues values = singular_values(matrix);
  for (std::size_t k = 0; k < s.rows; ++k) {
    out.s[k] = values.s[k];
    const double* w = values.vt.data() + k * s.length;
    for (std::size_t m = 0; m < out.v.width; ++m)
      out.v[k][m] = s.by_observation ? w[m] : values.u(m, k);
    for (std::size_t i = 0; i < innovations.count; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < innovations.width; ++j)
        sum += (s.by_observation ? values.u(j, k) : w[j]) * innovations[i][j];
      out.projections[k][i] = sum;
    }
  }
}

}  // namespace

Spectrum decompose(ConstRows y, ConstRows innovations, Arena& memory) {
  const RowsOfS s(y);
  Spectrum out;
  out.s = memory.take(s.rows);
  out.v = memory.rows(s.rows, y.count);
  out.projections = memory.rows(s.rows, innovations.count);
  if (s.rows < lapack_rows)
    decompose_by_rotations(s, innovations, out, memory);
  else
    decompose_by_lapack(s, innovations, out);
  // Directions whose singular value is rounding error, or zero, are removed.
  double largest = 0;
  for (std::size_t k = 0; k < s.rows; ++k) largest = std::max(largest, out.s[k]);
  for (std::size_t k = 0; k < s.rows; ++k) {
    if (!(out.s[k] > 1e-14 * largest)) continue;
    const std::size_t r = out.rank++;
    if (r == k) continue;
    out.s[r] = out.s[k];
    std::copy_n(out.v[k], out.v.width, out.v[r]);
    std::copy_n(out.projections[k], out.projections.width, out.projections[r]);
  }
  out.v.count = out.projections.count = out.rank;
  return out;
}

Spectrum decompose(ConstRows ensemble, const Observation& observed, Arena& memory) {
  const ObservedAnomalies y = observe_ensemble(ensemble, observed, memory);
  return decompose(y.anomalies, whitened_innovation(observed, y.mean, memory), memory);
}

void combine_members(ConstRows anomalies, const double* v, double* q) {
  std::fill_n(q, anomalies.width, 0.0);
  for (std::size_t m = 0; m < anomalies.count; ++m)
    for (std::size_t i = 0; i < anomalies.width; ++i) q[i] += v[m] * anomalies[m][i];
}

void transform_anomalies(Rows anomalies, const Spectrum& spectrum, double scale, const double* g,
                         Arena& memory) {
  const Arena::Scope frame(memory);
  const std::size_t d = anomalies.width;
  const Rows q = memory.rows(spectrum.rank, d);
  for (std::size_t k = 0; k < spectrum.rank; ++k) combine_members(anomalies, spectrum.v[k], q[k]);
  for (std::size_t m = 0; m < anomalies.count; ++m) {
    double* x = anomalies[m];
    for (std::size_t i = 0; i < d; ++i) x[i] *= scale;
    for (std::size_t k = 0; k < spectrum.rank; ++k) {
      const double factor = g[k] * spectrum.v[k][m];
      for (std::size_t i = 0; i < d; ++i) x[i] += factor * q[k][i];
    }
  }
}

void move_mean(double* mean, ConstRows anomalies, const Spectrum& spectrum, const double* c) {
  for (std::size_t k = 0; k < spectrum.rank; ++k)
    for (std::size_t m = 0; m < anomalies.count; ++m) {
      const double weight = c[k] * spectrum.v[k][m];
      for (std::size_t i = 0; i < anomalies.width; ++i) mean[i] += weight * anomalies[m][i];
    }
}

EtkfWeights etkf_weights(const Spectrum& spectrum, double rho, Arena& memory) {
  EtkfWeights weights{memory.take(spectrum.rank), std::sqrt(rho), memory.take(spectrum.rank)};
  const double norm = 1 / std::sqrt(static_cast<double>(spectrum.v.width) - 1);
  for (std::size_t k = 0; k < spectrum.rank; ++k) {
    const double s = spectrum.s[k], c = 1 / (1 / rho + s * s);
    weights.c[k] = norm * s * c * spectrum.projections[k][0];
    weights.g[k] = std::sqrt(c) - weights.scale;
  }
  return weights;
}

void rotate_anomalies(Rows anomalies, const RandomAddress& random, Arena& memory) {
  const Arena::Scope frame(memory);
  const std::size_t members = anomalies.count, n = members - 1, d = anomalies.width;
  // A uniformly distributed orthogonal matrix: Gram-Schmidt on Gaussian rows, twice against
  // rounding.
  const Rows q = memory.rows(n, n);
  random.normal(Purpose::rotations, q.values());
  for (std::size_t k = 0; k < n; ++k) {
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t j = 0; j < k; ++j) {
        double dot = 0;
        for (std::size_t i = 0; i < n; ++i) dot += q[k][i] * q[j][i];
        for (std::size_t i = 0; i < n; ++i) q[k][i] -= dot * q[j][i];
      }
    double norm = 0;
    for (std::size_t i = 0; i < n; ++i) norm += q[k][i] * q[k][i];
    norm = std::sqrt(norm);
    for (std::size_t i = 0; i < n; ++i) q[k][i] /= norm;
  }
  // The reflection I - u u^T / c that takes (1, ..., 1) / sqrt(M) to e_1: u = e - e_1, c = 1 - e_1.
  const double e = 1 / std::sqrt(static_cast<double>(members)), c = 1 - e;
  double* sum = memory.take(d);
  const auto reflect = [&] {
    for (std::size_t i = 0; i < d; ++i) {
      sum[i] = (e - 1) * anomalies[0][i];
      for (std::size_t m = 1; m < members; ++m) sum[i] += e * anomalies[m][i];
      sum[i] /= c;
    }
    for (std::size_t m = 0; m < members; ++m)
      for (std::size_t i = 0; i < d; ++i) anomalies[m][i] -= (m == 0 ? e - 1 : e) * sum[i];
  };
  reflect();
  const Rows before = memory.rows(n, d);
  std::copy_n(anomalies[1], n * d, before.data);
  for (std::size_t k = 0; k < n; ++k) combine_members(before, q[k], anomalies[k + 1]);
  reflect();
}

}  // namespace papillon::inline assimilation
