// The scores of a twin experiment. Several conventions are in use; the name says which one it is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline assimilation {

// A score with two standard errors: from how much trajectories differ (NaN for fewer than two), and
// from how much batches of consecutive cycles do, all trajectories together (batch means: right if
// a batch is long compared with the memory of the system). For a root of a mean they are those of
// the mean, divided by twice the root.
struct Estimate {
  double value, se_trajectories, se_batches;
};

// Of the background or of the analysis; x the mean of the ensemble (or the one state), x_t the
// truth, i = 1 ... D.
struct StateScores {
  // sqrt(mean over i of MSE_i / scale_i^2), MSE_i pooled over time and trajectories: the paper's.
  Estimate nrmse_pooled;
  // The mean over time and trajectories of sqrt(mean over i of (x_i - x_t,i)^2), physical units:
  // the convention of most of the literature. It is smaller than a pooled root mean square.
  Estimate rmse_time_mean;
  // The same two of the ensemble's variances (divided by M - 1), in place of squared errors.
  Estimate spread_pooled, spread_time_mean;
  // The mean over i, time and trajectories of CRPS_i / scale_i: of the ensemble, of the Gaussian,
  // or (without any uncertainty) the absolute error. See crps.hpp.
  Estimate crps;
  std::vector<double> rmse_components;  // sqrt(MSE_i), [D], physical units
  std::vector<double> bias_components;  // mean of x_i - x_t,i, [D]
  // How often the truth has rank 0 ... M in the ensemble, [D, M + 1]; empty without an ensemble.
  Tensor<double> rank_histogram;
  // nrmse_pooled of each trajectory, [K], and of each batch of it, [K, B]: for comparisons in
  // pairs.
  std::vector<double> nrmse_trajectories;
  Tensor<double> nrmse_batches;
};

// Between two observation times.
struct WindowScore {
  std::size_t step;  // model steps after the analysis
  Estimate nrmse_pooled, rmse_time_mean;
};

struct TwinScores {
  std::uint64_t cycles = 0;  // scored, of each trajectory that did not fail
  std::size_t trajectories = 0;
  StateScores background, analysis;
  std::vector<WindowScore> along_window;  // forecasts from the analysis; empty if not asked for
  // Means over time and trajectories, [D, D]: of the background ensemble's covariance (divided by M
  // - 1; empty where the method has none), and of (x_b - x_t)(x_b - x_t)^T.
  Tensor<double> background_covariance, background_error_covariance;
  // The share of the batches whose analysis has nrmse_pooled > 1, worse than knowing nothing: a
  // filter that has lost the truth shows here.
  double lost_share = 0;
};

// a - b for two methods that met the same truths and observations, with the standard error of the
// difference, which is much smaller than the errors of the two.  Of nrmse_pooled. Throws
// ArgumentError if they have not the same trajectories and batches.
Estimate paired_difference(const StateScores& a, const StateScores& b);

}  // namespace papillon::inline assimilation
