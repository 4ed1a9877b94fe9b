// Spread and non-Gaussianity of generated ensembles, and their dependence on the start step.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "papillon/lorenz/assimilation/ensemble_source.hpp"

namespace papillon::inline assimilation {

// Means over many ensembles [M, D]; the normalised ones in units of scale [D].
struct EnsembleStatistics {
  double spread_pooled = 0;  // sqrt(mean over ensembles and components of variance / scale^2)
  double shift_pooled = 0;   // the same of (ensemble mean - background)^2
  // Mardia's (1970) multivariate skewness and excess kurtosis: means over the ensembles, minus the
  // values that Gaussian ensembles of M members have, (with standard errors of the means).
  double skewness = 0, skewness_se = 0;
  double kurtosis = 0, kurtosis_se = 0;
  // The share of the ensembles that a test at 5 % finds not to be Gaussian, by skewness and by
  // kurtosis: 0.05 each for Gaussian ones (asymptotically; M >= 50 is near).
  double rejected_by_skewness = 0, rejected_by_kurtosis = 0;
  std::size_t degenerate = 0;  // ensembles with a singular covariance, left out of the four above
};

// ensembles [N, M, D], M > D + 1, backgrounds [N, D]. Throws ShapeError, ArgumentError.
EnsembleStatistics ensemble_statistics(const Tensor<double>& ensembles,
                                       const Tensor<double>& backgrounds,
                                       std::span<const double> scale);

// From start step to spread.
struct SpreadCurve {
  std::vector<int> start_steps;
  std::vector<EnsembleStatistics> statistics;  // one for each
};

// Ensembles around the same states [N, D] for each start step.
SpreadCurve spread_curve(const std::function<SourcePointer(int start_step)>& source,
                         std::vector<int> start_steps, const Tensor<double>& states,
                         std::span<const double> scale, std::uint64_t seed = 0);

// The start step (between those of the curve, linearly) with this pooled spread. Throws
// ArgumentError if it is outside of what the curve covers.
double start_step_for_spread(const SpreadCurve& curve, double spread_pooled);

}  // namespace papillon::inline assimilation
