// The ensemble Kalman filter with perturbed observations.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

struct StochasticEnkfOptions {
  // The prior anomalies are multiplied with the square root of this before the update.
  double prior_variance_inflation = 1;
  double analysis_anomaly_inflation = 1;
  // Otherwise the perturbations of the observations sum to zero over the members and are scaled up
  // by sqrt(M / (M - 1)) to keep their variance.
  bool free_perturbations = false;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("prior-variance-inflation", self.prior_variance_inflation,
          {"factor of the prior covariance inside the analysis", above(0, 1e9)});
    visit("analysis-anomaly-inflation", self.analysis_anomaly_inflation,
          {"factor of the analysis anomalies", above(0, 1e9)});
    visit("free-perturbations", self.free_perturbations, {"not moved to have mean zero"});
  }
};

// x_m += K (y + e_m - H(x_m)), e_m ~ N(0, R) (Burgers et al. 1998, eqs. 13-15), K from the ensemble
// (Evensen 2003, eq. 54). states: [M, D], M >= 2.
void stochastic_enkf_analysis(AnalysisCase& analysis, const StochasticEnkfOptions& options,
                              Arena& memory);
MethodPointer stochastic_enkf(std::size_t members, const StochasticEnkfOptions& options = {});

}  // namespace papillon::inline assimilation
