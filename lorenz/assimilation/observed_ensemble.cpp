#include "papillon/lorenz/assimilation/observed_ensemble.hpp"

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/errors.hpp"
#include "papillon/lorenz/assimilation/small_kernels.hpp"

namespace papillon {
namespace {

void centre(Rows rows, double* mean) {
  std::fill_n(mean, rows.width, 0.0);
  for (std::size_t m = 0; m < rows.count; ++m)
    for (std::size_t i = 0; i < rows.width; ++i) mean[i] += rows[m][i];
  for (std::size_t i = 0; i < rows.width; ++i) mean[i] /= static_cast<double>(rows.count);
  for (std::size_t m = 0; m < rows.count; ++m)
    for (std::size_t i = 0; i < rows.width; ++i) rows[m][i] -= mean[i];
}

}  // namespace

MeanAndAnomalies split_mean(Rows ensemble, Scratch& memory) {
  MeanAndAnomalies parts{memory.take(ensemble.width), memory.rows(ensemble.count, ensemble.width)};
  std::copy_n(ensemble.data, ensemble.size(), parts.anomalies.data);
  centre(parts.anomalies, parts.mean);
  return parts;
}

void join_mean(const MeanAndAnomalies& parts, Rows ensemble) {
  for (std::size_t m = 0; m < ensemble.count; ++m)
    for (std::size_t i = 0; i < ensemble.width; ++i)
      ensemble[m][i] = parts.mean[i] + parts.anomalies[m][i];
}

ObservedAnomalies observe_ensemble(Rows ensemble, const Observation& observed, Scratch& memory) {
  ObservedAnomalies y{memory.take(observed.count()), memory.rows(ensemble.count, observed.count())};
  observed.predict(ensemble, y.anomalies, memory);
  centre(y.anomalies, y.mean);
  observed.whiten(y.anomalies);
  return y;
}

Spectrum decompose(Rows y, Rows innovations, Scratch& memory) {
  const std::size_t members = y.count, p = y.width, n = innovations.count;
  // The shorter side's rows are made orthogonal; what else is needed is carried along: U^T d behind
  // S = U s V^T, or V^T behind S^T = V s U^T.
  const bool by_observation = p <= members;
  const std::size_t rows = by_observation ? p : members, length = by_observation ? members : p;
  const std::size_t carried = by_observation ? n : members, width = length + carried;
  const double norm = 1 / std::sqrt(static_cast<double>(members) - 1);
  Spectrum out;
  out.s = memory.take(rows);
  out.v = memory.rows(rows, members);
  out.projections = memory.rows(rows, n);
  double* work = memory.take(rows * width);
  for (std::size_t k = 0; k < rows; ++k) {
    double* row = work + k * width;
    for (std::size_t j = 0; j < length; ++j) row[j] = norm * (by_observation ? y[j][k] : y[k][j]);
    for (std::size_t j = 0; j < carried; ++j)
      row[length + j] = by_observation ? innovations[j][k] : (j == k ? 1.0 : 0.0);
  }
  if (!small::orthogonalise_rows(work, rows, length, width))
    throw AnalysisError(AssimilationFailure::singular,
                        "the singular values of the observed ensemble could not be found (a member "
                        "that is not finite?)");
  double largest = 0;
  for (std::size_t k = 0; k < rows; ++k) {
    double square = 0;
    for (std::size_t j = 0; j < length; ++j) square += work[k * width + j] * work[k * width + j];
    out.s[k] = std::sqrt(square);
    largest = std::max(largest, out.s[k]);
  }
  for (std::size_t k = 0; k < rows; ++k) {
    const double s = out.s[k];
    if (!(s > 1e-14 * largest)) continue;  // rounding, or no spread at all
    const double* row = work + k * width;
    const std::size_t r = out.rank++;
    out.s[r] = s;
    if (by_observation) {
      for (std::size_t m = 0; m < members; ++m) out.v[r][m] = row[m] / s;
      std::copy_n(row + length, n, out.projections[r]);
    } else {
      std::copy_n(row + length, members, out.v[r]);
      for (std::size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < p; ++j) sum += row[j] * innovations[i][j];
        out.projections[r][i] = sum / s;
      }
    }
  }
  out.v.count = out.projections.count = out.rank;
  return out;
}

void combine_members(Rows anomalies, const double* v, double* q) {
  std::fill_n(q, anomalies.width, 0.0);
  for (std::size_t m = 0; m < anomalies.count; ++m)
    for (std::size_t i = 0; i < anomalies.width; ++i) q[i] += v[m] * anomalies[m][i];
}

void transform_anomalies(Rows anomalies, const Spectrum& spectrum, double scale,
                         const double* extra, Scratch& memory) {
  const Scratch::Frame frame(memory);
  const std::size_t d = anomalies.width;
  const Rows q = memory.rows(spectrum.rank, d);
  for (std::size_t k = 0; k < spectrum.rank; ++k) combine_members(anomalies, spectrum.v[k], q[k]);
  for (std::size_t m = 0; m < anomalies.count; ++m) {
    double* x = anomalies[m];
    for (std::size_t i = 0; i < d; ++i) x[i] *= scale;
    for (std::size_t k = 0; k < spectrum.rank; ++k) {
      const double g = extra[k] * spectrum.v[k][m];
      for (std::size_t i = 0; i < d; ++i) x[i] += g * q[k][i];
    }
  }
}

void move_mean(double* mean, Rows anomalies, const Spectrum& spectrum, const double* coefficients) {
  for (std::size_t k = 0; k < spectrum.rank; ++k)
    for (std::size_t m = 0; m < anomalies.count; ++m) {
      const double c = coefficients[k] * spectrum.v[k][m];
      for (std::size_t i = 0; i < anomalies.width; ++i) mean[i] += c * anomalies[m][i];
    }
}

void rotate_anomalies(Rows anomalies, const RandomAddress& random, Scratch& memory) {
  const Scratch::Frame frame(memory);
  const std::size_t members = anomalies.count, n = members - 1, d = anomalies.width;
  // An orthogonal matrix uniformly from all: Gram and Schmidt on Gaussian rows, twice for rounding.
  const Rows q = memory.rows(n, n);
  random.normal(Draws::rotation, {q.data, q.size()});
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

}  // namespace papillon
