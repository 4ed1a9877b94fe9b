// An ensemble in observation space, and transforms of its mean and anomalies: shared by ETKF,
// LETKF, EnKF, EnKF-N and EnOI.
#pragma once

#include "papillon/lorenz/assimilation/observation.hpp"

namespace papillon::inline assimilation {

// The mean over the rows, [D].
void mean_of_rows(ConstRows rows, double* mean);

// Mean [D] and anomalies x_m - mean [M, D] of an ensemble.
struct MeanAndAnomalies {
  double* mean;
  Rows anomalies;
};
MeanAndAnomalies split_mean(ConstRows ensemble, Arena& memory);
void join_mean(const MeanAndAnomalies& parts, Rows ensemble);

// Observations of the members, [M, p], as whitened anomalies R^-1/2 (H(x_m) - mean of H(x_m)) and
// their mean [p], not whitened.
struct ObservedAnomalies {
  double* mean;
  Rows anomalies;
};
ObservedAnomalies observe_ensemble(ConstRows ensemble, const Observation& observed, Arena& memory);

// R^-1/2 (y - predicted), [1, p].
Rows whitened_innovation(const Observation& observed, const double* predicted, Arena& memory);

// The singular value decomposition S = Y / sqrt(M - 1) = sum over k of s_k a_k v_k^T of whitened
// anomalies Y^T [M, p], one member a row, with the projections a_k . d_n of whitened innovations d
// [n, p]. Directions without spread are left out. Throws AnalysisError (singular).
struct Spectrum {
  std::size_t rank = 0;
  double* s;         // [rank], in no order
  Rows v;            // [rank, M]: directions in the space of the members
  Rows projections;  // [rank, n]
};
Spectrum decompose(ConstRows y, ConstRows innovations, Arena& memory);
// Of an ensemble [M, D] and the innovation of its mean.
Spectrum decompose(ConstRows ensemble, const Observation& observed, Arena& memory);

// to[m] = scale from[m] + sum_k g_k v_k[m] q_k for the anomalies [M, D], q_k = sum_m v_k[m]
// from[m]: a function of S^T S, given by its values on v_k (scale + g_k) and on the rest (scale),
// applied to them. In place.
void transform_anomalies(Rows anomalies, const Spectrum& spectrum, double scale, const double* g,
                         Arena& memory);
// q = sum_m v[m] anomalies[m], [D].
void combine_members(ConstRows anomalies, const double* v, double* q);
// mean += sum_k c_k q_k.
void move_mean(double* mean, ConstRows anomalies, const Spectrum& spectrum, const double* c);

// The analysis of the ETKF with prior covariance rho P, as arguments of move_mean() and
// transform_anomalies(): c_k = s_k / (1/rho + s_k^2) (a_k . d) / sqrt(M - 1), scale = sqrt(rho) and
// g_k = (1/rho + s_k^2)^-1/2 - scale (Bishop et al. 2001; Hunt et al. 2007, eqs. 20-25).
struct EtkfWeights {
  double *c, scale, *g;
};
EtkfWeights etkf_weights(const Spectrum& spectrum, double rho, Arena& memory);

// The anomalies [M, D] times a random orthogonal matrix of M rows that leaves (1, ..., 1) in place,
// uniformly distributed among those (Sakov and Oke 2008, appendix). In place; M >= 2.
void rotate_anomalies(Rows anomalies, const RandomAddress& random, Arena& memory);

}  // namespace papillon::inline assimilation
