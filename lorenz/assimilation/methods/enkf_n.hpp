// The finite-size ensemble Kalman filter: no inflation to tune for sampling errors.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"

namespace papillon {

struct EnkfNOptions {
  // epsilon_N: 1 + 1/M where the mean of the prior is uncertain as well (Bocquet 2011), 1 where it
  // is taken for known.
  bool uncertain_mean = true;
  double analysis_anomaly_inflation = 1;  // on top, for model error
  bool rotate = false;                    // as in EtkfOptions
};

// The prior integrates over the covariances from which the ensemble may have been drawn (Bocquet
// 2011, doi:10.5194/npg-18-735-2011). Dual form (Bocquet and Sakov 2012, section 3, doi:10.5194/
// npg-19-383-2012): with zeta the global minimum on (0, (M+1)/epsilon_N] of
//   D(zeta) = 1/2 d^T (R + Y Y^T / zeta)^-1 d + epsilon_N zeta / 2 + (M+1)/2 ln((M+1)/zeta) -
//   (M+1)/2
// the mean moves by X w, w = (zeta I + Y^T R^-1 Y)^-1 Y^T R^-1 d, and the anomalies become
// sqrt(M-1) X C^-1/2 with the Hessian C of the primal cost at w:
//   C = Y^T R^-1 Y + (M+1) ((epsilon_N + w.w) I - 2 w w^T) / (epsilon_N + w.w)^2.
// states: [M, D], M >= 2. H is linearised by the ensemble.
void enkf_n_analysis(AnalysisCase& one, const EnkfNOptions& options, Scratch& memory);
MethodPointer enkf_n(std::size_t members, const EnkfNOptions& options = {});

}  // namespace papillon
