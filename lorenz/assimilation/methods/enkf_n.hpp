// The finite-size ensemble Kalman filter: no inflation to tune for sampling errors.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

struct EnkfNOptions {
  // epsilon_N is 1 where the mean of the prior is taken for known, and otherwise 1 + 1/M.
  bool known_mean = false;
  // The g of the exponent (M + g) / 2: 0 in Bocquet (2011), 1 in Bocquet and Sakov (2012).
  int gauge = 0;
  // Where the observations say little, the mode of the prior, zeta = (M + g) / epsilon_N, is not M
  // - 1, and the anomalies would shrink or grow in each cycle for no reason. A correction divides
  // epsilon_N and multiplies M + g by (epsilon_N (M - 1) / (M + g))^(k/2), k the mean over the M
  // directions of 1 / (1 + s_k^2), the weight that the prior has in the analysis (after Bocquet et
  // al. 2015, doi:10.5194/npg-22-645-2015, and Raanes et al. 2019, doi:10.1002/qj.3386).
  bool without_mode_correction = false;
  // Multiplies epsilon_N and M + g: above 1, the ensemble is trusted like a larger one (Raanes et
  // al. 2019, xN).
  double certainty = 1;
  // The transform uses the Hessian without the term -2 w w^T, which is the ETKF's transform with
  // the covariance divided by zeta / (M - 1): narrower than with the whole Hessian, and on
  // Lorenz-96 closer to the truth (docs/assimilation.md).
  bool partial_hessian = false;
  double analysis_anomaly_inflation = 1;  // on top, for model error
  bool rotate = false;                    // as in EtkfOptions

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("known-mean", self.known_mean, {"without uncertainty of the prior's mean"});
    visit("gauge", self.gauge,
          {"g: 0 in Bocquet (2011), 1 in Bocquet and Sakov (2012)", closed(0, 1'000'000)});
    visit("without-mode-correction", self.without_mode_correction, {"as first published"});
    visit("certainty", self.certainty,
          {"factor of the ensemble's size in the prior (xN)", above(0, 1e9)});
    visit("partial-hessian", self.partial_hessian, {"without the term -2 w w^T"});
    visit("analysis-anomaly-inflation", self.analysis_anomaly_inflation,
          {"factor of the analysis anomalies", above(0, 1e9)});
    visit("rotate", self.rotate, {"random mean-preserving rotation"});
  }
};

// The prior integrates over the covariances from which the ensemble may have been drawn (Bocquet
// 2011, doi:10.5194/npg-18-735-2011). Dual form (Bocquet and Sakov 2012,
// doi:10.5194/npg-19-383-2012): with c = M + g and zeta the global minimum on (0, c / epsilon_N] of
//   D(zeta) = 1/2 d^T (R + Y Y^T / zeta)^-1 d + epsilon_N zeta / 2 - c/2 ln(zeta)
// the mean moves by X w, w = (zeta I + Y^T R^-1 Y)^-1 Y^T R^-1 d, and the anomalies become
// sqrt(M-1) X C^-1/2 with the Hessian C of the primal cost at w:
//   C = Y^T R^-1 Y + c ((epsilon_N + w.w) I - 2 w w^T) / (epsilon_N + w.w)^2.
// states: [M, D], M >= 2. H is linearised by the ensemble.
void enkf_n_analysis(AnalysisCase& analysis, const EnkfNOptions& options, Arena& memory);
MethodPointer enkf_n(std::size_t members, const EnkfNOptions& options = {});

}  // namespace papillon::inline assimilation
