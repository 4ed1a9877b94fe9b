// Ensemble optimal interpolation: a single run, and an ensemble generated in each analysis.
#pragma once

#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/method.hpp"

namespace papillon::inline assimilation {

// The state with which observations are compared.
enum class InnovationOf {
  background,     // y - H(x_b)
  ensemble_mean,  // y - mean H(x_m): a generated ensemble need not be centred on its background
};

struct EnoiOptions {
  // The ensemble's covariance is multiplied with this, as EtkfOptions has it; the sources have an
  // inflation of the standard deviation of their own.
  double prior_variance_inflation = 1;
  InnovationOf innovation = InnovationOf::background;
};

// Deterministic in the mean: x_a = x_b + the increment of the ETKF's mean with this ensemble
// (Evensen 2003, section 5; Finn et al. 2024, section 5.3). states: [1, D]; ensemble: [M, D], M >=
// 2. The report, if asked for, gets the ensemble as background and the transformed one as analysis,
// both moved to have x_b and x_a as their means.
void enoi_analysis(AnalysisCase& analysis, ConstRows ensemble, const EnoiOptions& options,
                   Arena& memory);

// Generates the ensembles of all trajectories at once where the source wants that.
MethodPointer enoi(SourcePointer source, const EnoiOptions& options = {});

}  // namespace papillon::inline assimilation
