// The ensemble Kalman filter with perturbed observations.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"

namespace papillon::inline assimilation {

struct StochasticEnkfOptions {
  // The prior anomalies are multiplied with the square root of this before the update.
  double prior_variance_inflation = 1;
  double analysis_anomaly_inflation = 1;
  // The perturbations of the observations sum to zero over the members and are scaled up by
  // sqrt(M / (M - 1)) to keep their variance.
  bool centre_perturbations = true;
};

// x_m += K (y + e_m - H(x_m)), e_m ~ N(0, R) (Burgers et al. 1998, eqs. 13-15), K from the ensemble
// (Evensen 2003, eq. 54). states: [M, D], M >= 2.
void stochastic_enkf_analysis(AnalysisCase& analysis, const StochasticEnkfOptions& options,
                              Arena& memory);
MethodPointer stochastic_enkf(std::size_t members, const StochasticEnkfOptions& options = {});

}  // namespace papillon::inline assimilation
