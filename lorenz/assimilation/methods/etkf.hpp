// The ensemble transform Kalman filter.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

// Two conventions of inflation, which may go together; 1: none. They are not the same: the first
// changes the weight that the observations get in the same cycle, the second in the next.
struct EtkfOptions {
  // rho: the prior covariance inside the analysis is rho P (Hunt et al. 2007, section 4.4): in the
  // mean update and in the transform. The paper's 1.07 for 12 members.
  double prior_variance_inflation = 1;
  // The analysis anomalies are multiplied with this: a standard deviation. 1.02 in Sakov and Oke.
  double analysis_anomaly_inflation = 1;
  // A random orthogonal matrix that keeps the mean is applied to the analysis anomalies: their
  // distribution becomes nearer to Gaussian (Sakov and Oke 2008, section 5).
  bool rotate = false;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("prior-variance-inflation", self.prior_variance_inflation,
          {"factor of the prior covariance inside the analysis", above(0, 1e9)});
    visit("analysis-anomaly-inflation", self.analysis_anomaly_inflation,
          {"factor of the analysis anomalies", above(0, 1e9)});
    visit("rotate", self.rotate, {"random mean-preserving rotation"});
  }
};

// With the normalised anomalies S = R^-1/2 (H(x_m) - mean) / sqrt(M - 1) = sum_k s_k a_k v_k^T (one
// singular value decomposition), the mean moves by X w, w = sum_k s_k / (1/rho + s_k^2) (a_k . d)
// v_k / sqrt(M - 1), and the anomalies become X W, W = (I / rho + S^T S)^-1/2, the symmetric square
// root (Bishop et al. 2001; Hunt et al. 2007, eqs. 20-25). states: [M, D], M >= 2.
void etkf_analysis(AnalysisCase& analysis, const EtkfOptions& options, Arena& memory);

// Throws ArgumentError unless members >= 2 and both inflations are positive.
MethodPointer etkf(std::size_t members, const EtkfOptions& options = {});

}  // namespace papillon::inline assimilation
