#include "papillon/lorenz/assimilation/internal/score_sums.hpp"

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/crps.hpp"

namespace papillon::inline assimilation {

ScoreSums::ScoreSums(Layout layout) : layout_(std::move(layout)) {
  const std::size_t k = layout_.trajectories, b = layout_.batches, d = layout_.dimension;
  for (const Which which : {background, analysis}) {
    sums_[which] = Tensor<double>::zeros({k, b, width()});
    ranks_[which] = Tensor<double>::zeros(
        layout_.crps && layout_.members > 0 ? Shape{k, d, layout_.members + 1} : Shape{k, 0, 0});
  }
  covariance_ = Tensor<double>::zeros(layout_.members > 0 ? Shape{k, d, d} : Shape{k, 0, 0});
  error_covariance_ = Tensor<double>::zeros({k, d, d});
  leads_ = Tensor<double>::zeros({k, b, layout_.leads, 3});
}

namespace {

// Copies column i of an ensemble to out [M], and returns its mean.
double column_mean(ConstRows ensemble, std::size_t i, double* out) {
  double mean = 0;
  for (std::size_t m = 0; m < ensemble.count; ++m) mean += out[m] = ensemble[m][i];
  return mean / static_cast<double>(ensemble.count);
}

// The lower triangle of the covariance, added to out [D, D], from anomalies by component [D, M].
void add_covariance(const double* anomalies, std::size_t d, std::size_t members, double* out) {
  const double norm = 1 / (static_cast<double>(members) - 1);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t m = 0; m < members; ++m)
        sum += anomalies[i * members + m] * anomalies[j * members + m];
      out[i * d + j] += norm * sum;
    }
}

}  // namespace

void ScoreSums::add(Which which, std::size_t k, std::size_t b, const double* x, const double* truth,
                    const StateUncertainty& uncertainty, Arena& memory) {
  const Arena::Scope frame(memory);
  const std::size_t d = layout_.dimension, members = uncertainty.ensemble.count;
  double* sums = row(which, k, b);
  double *error = sums + first_error, *square = error + d, *variance = square + d;
  double *crps = variance + d, *anomalies = memory.take(d * members);
  double* column = memory.take(members);
  double squares = 0, variances = 0;
  for (std::size_t i = 0; i < d; ++i) {
    const double e = x[i] - truth[i];
    error[i] += e;
    square[i] += e * e;
    squares += e * e;
    double v = uncertainty.variance.data ? uncertainty.variance[0][i] : 0;
    if (members > 0) {
      const double mean = column_mean(uncertainty.ensemble, i, column);
      double* a = anomalies + i * members;
      for (std::size_t m = 0; m < members; ++m) {
        a[m] = column[m] - mean;
        v += a[m] * a[m];
      }
      v /= static_cast<double>(members) - 1;
      if (layout_.crps) {
        double* bins = ranks_[which].data() + (k * d + i) * (members + 1);
        bins[rank_of_truth({column, members}, truth[i])] += 1;
        crps[i] += crps_ensemble({column, members}, truth[i]);
      }
    } else if (layout_.crps) {
      crps[i] += crps_gaussian(x[i], std::sqrt(v), truth[i]);
    }
    variance[i] += v;
    variances += v;
  }
  sums[count] += 1;
  sums[rmse] += std::sqrt(squares / static_cast<double>(d));
  sums[spread] += std::sqrt(variances / static_cast<double>(d));
  if (which != background) return;
  if (members > 0) add_covariance(anomalies, d, members, covariance_.data() + k * d * d);
  double* outer = error_covariance_.data() + k * d * d;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j <= i; ++j) outer[i * d + j] += (x[i] - truth[i]) * (x[j] - truth[j]);
}

void ScoreSums::add_lead(std::size_t lead, std::size_t k, std::size_t b, const double* x,
                         const double* truth) {
  double* sums = leads_.data() + ((k * layout_.batches + b) * layout_.leads + lead) * 3;
  double squares = 0, normalised = 0;
  const double n = static_cast<double>(layout_.dimension);
  for (std::size_t i = 0; i < layout_.dimension; ++i) {
    const double e = x[i] - truth[i], s = e / layout_.scale[i];
    squares += e * e;
    normalised += s * s;
  }
  sums[0] += 1;
  sums[1] += normalised / n;
  sums[2] += std::sqrt(squares / n);
}

std::vector<std::pair<const char*, Tensor<double>*>> ScoreSums::tensors() {
  return {{"sums.background", &sums_[background]},
          {"sums.analysis", &sums_[analysis]},
          {"ranks.background", &ranks_[background]},
          {"ranks.analysis", &ranks_[analysis]},
          {"covariance", &covariance_},
          {"error_covariance", &error_covariance_},
          {"leads", &leads_}};
}

std::vector<std::pair<const char*, const Tensor<double>*>> ScoreSums::tensors() const {
  std::vector<std::pair<const char*, const Tensor<double>*>> out;
  for (const auto& [name, tensor] : const_cast<ScoreSums*>(this)->tensors())
    out.emplace_back(name, tensor);
  return out;
}

}  // namespace papillon::inline assimilation
