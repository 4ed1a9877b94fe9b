#include "papillon/lorenz/assimilation/scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "papillon/lorenz/assimilation/internal/score_sums.hpp"

namespace papillon::inline assimilation {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Sums and counts of each batch of each trajectory.
struct Batches {
  std::size_t trajectories, batches;
  std::vector<double> sums, counts;  // [K, B]
};

// From K B rows of sums that are `width` apart: sum(row), and the count at that place of the row.
template <class Sum>
Batches batches_of(const ScoreSums::Layout& layout, const double* rows, std::size_t width,
                   std::size_t count, Sum sum) {
  Batches all{layout.trajectories, layout.batches, {}, {}};
  for (std::size_t i = 0; i < all.trajectories * all.batches; ++i, rows += width) {
    all.sums.push_back(sum(rows));
    all.counts.push_back(rows[count]);
  }
  return all;
}

double standard_error(const std::vector<double>& means) {
  const double n = static_cast<double>(means.size());
  if (means.size() < 2) return nan;
  double mean = 0, squares = 0;
  for (const double m : means) mean += m / n;
  for (const double m : means) squares += (m - mean) * (m - mean);
  return std::sqrt(squares / (n - 1) / n);
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Means of the trajectories (or NaN: nothing counted).
std::vector<double> trajectory_means(const Batches& all) {
  std::vector<double> means(all.trajectories, nan);
  for (std::size_t k = 0; k < all.trajectories; ++k) {
    double total = 0, count = 0;
    for (std::size_t b = 0; b < all.batches; ++b) {
      total += all.sums[k * all.batches + b];
      count += all.counts[k * all.batches + b];
    }
    if (count > 0) means[k] = total / count;
  }
  return means;
}

std::vector<double> batch_means(const Batches& all) {
  std::vector<double> means(all.sums.size(), nan);
  for (std::size_t i = 0; i < means.size(); ++i)
    if (all.counts[i] > 0) means[i] = all.sums[i] / all.counts[i];
  return means;
}

std::vector<double> without_nan(std::vector<double> values) {
  std::erase_if(values, [](double v) { return std::isnan(v); });
  return values;
}

Estimate estimate_mean(const Batches& all) {
  return {sum(all.sums) / sum(all.counts), standard_error(without_nan(trajectory_means(all))),
          standard_error(without_nan(batch_means(all)))};
}

Estimate estimate_root(const Batches& all) {
  const Estimate square = estimate_mean(all);
  const double root = std::sqrt(square.value);
  return {root, square.se_trajectories / (2 * root), square.se_batches / (2 * root)};
}

}  // namespace

StateScores ScoreSums::state_scores(Which which) const {
  const std::size_t k = layout_.trajectories, nb = layout_.batches, d = layout_.dimension;
  const auto collect = [&](const auto& sum) {
    return batches_of(layout_, sums_[which].data(), width(), count, sum);
  };
  const auto normalised = [&](std::size_t group, double power) {
    return [this, group, power, d](const double* sums) {
      double total = 0;
      for (std::size_t i = 0; i < d; ++i)
        total += sums[first_error + group * d + i] / std::pow(layout_.scale[i], power);
      return total / static_cast<double>(d);
    };
  };
  StateScores out;
  const Batches squares = collect(normalised(1, 2));
  out.nrmse_pooled = estimate_root(squares);
  out.rmse_time_mean = estimate_mean(collect([](const double* s) { return s[rmse]; }));
  out.spread_pooled = estimate_root(collect(normalised(2, 2)));
  out.spread_time_mean = estimate_mean(collect([](const double* s) { return s[spread]; }));
  out.crps = layout_.crps ? estimate_mean(collect(normalised(3, 1))) : Estimate{nan, nan, nan};
  for (std::size_t i = 0; i < d; ++i) {
    const auto component = [&](std::size_t group) {
      const Batches all = collect([&](const double* s) { return s[first_error + group * d + i]; });
      return sum(all.sums) / sum(all.counts);
    };
    out.bias_components.push_back(component(0));
    out.rmse_components.push_back(std::sqrt(component(1)));
  }
  const std::size_t bins = ranks_[which].size() / k;
  if (bins > 0) {
    out.rank_histogram = Tensor<double>::zeros({d, bins / d});
    for (std::size_t i = 0; i < ranks_[which].size(); ++i)
      out.rank_histogram[i % bins] += ranks_[which][i];
  }
  for (const double m : trajectory_means(squares)) out.nrmse_trajectories.push_back(std::sqrt(m));
  out.nrmse_batches = Tensor<double>(Shape{k, nb}, batch_means(squares));
  for (double& m : out.nrmse_batches) m = std::sqrt(m);
  return out;
}

TwinScores ScoreSums::scores(std::size_t steps_of_lead) const {
  const std::size_t k = layout_.trajectories, nb = layout_.batches, d = layout_.dimension;
  double total = 0, most = 0;
  for (std::size_t t = 0; t < k; ++t) {
    double cycles = 0;
    for (std::size_t b = 0; b < nb; ++b) cycles += sums_[analysis][(t * nb + b) * width() + count];
    total += cycles;
    most = std::max(most, cycles);
  }
  if (!(total > 0)) throw ArgumentError("twin experiment: no cycle has been scored yet");
  TwinScores out;
  out.cycles = static_cast<std::uint64_t>(most);
  out.trajectories = k;
  out.background = state_scores(background);
  out.analysis = state_scores(analysis);
  double backgrounds = 0;
  for (std::size_t i = 0; i < k * nb; ++i) backgrounds += sums_[background][i * width() + count];
  const auto mean_matrix = [&](const Tensor<double>& sums) {
    if (sums.empty()) return Tensor<double>(Shape{0, 0});
    Tensor<double> c = Tensor<double>::zeros({d, d});
    for (std::size_t t = 0; t < k; ++t)
      for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j <= i; ++j) c(i, j) += sums[(t * d + i) * d + j] / backgrounds;
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < i; ++j) c(j, i) = c(i, j);
    return c;
  };
  out.background_covariance = mean_matrix(covariance_);
  out.background_error_covariance = mean_matrix(error_covariance_);
  for (std::size_t lead = 0; lead < layout_.leads; ++lead) {
    const auto collect = [&](std::size_t which) {
      return batches_of(layout_, leads_.data() + lead * 3, layout_.leads * 3, 0,
                        [which](const double* row) { return row[which]; });
    };
    out.along_window.push_back(
        {(lead + 1) * steps_of_lead, estimate_root(collect(1)), estimate_mean(collect(2))});
  }
  double lost = 0, there = 0;
  for (const double n : out.analysis.nrmse_batches) {
    lost += n > 1;
    there += !std::isnan(n);
  }
  out.lost_share = lost / there;
  return out;
}

Estimate paired_difference(const StateScores& a, const StateScores& b) {
  if (a.nrmse_batches.shape() != b.nrmse_batches.shape())
    throw ArgumentError(
        fmt::format("paired_difference: trajectories and batches are {} and {}; must be the same",
                    to_string(a.nrmse_batches.shape()), to_string(b.nrmse_batches.shape())));
  const auto differences = [](std::span<const double> x, std::span<const double> y) {
    std::vector<double> out;
    for (std::size_t i = 0; i < x.size(); ++i) out.push_back(x[i] - y[i]);
    return without_nan(std::move(out));
  };
  return {a.nrmse_pooled.value - b.nrmse_pooled.value,
          standard_error(differences(a.nrmse_trajectories, b.nrmse_trajectories)),
          standard_error(differences(a.nrmse_batches.span(), b.nrmse_batches.span()))};
}

}  // namespace papillon::inline assimilation
