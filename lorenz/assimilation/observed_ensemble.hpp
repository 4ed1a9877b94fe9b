// An ensemble as its observations see it: what ETKF, EnKF, EnKF-N and EnOI have in common.
#pragma once

#include "papillon/lorenz/assimilation/observation.hpp"

namespace papillon::inline assimilation {

// Mean [D] and anomalies x_m - mean [M, D] of an ensemble.
struct MeanAndAnomalies {
  double* mean;
  Rows anomalies;
};
MeanAndAnomalies split_mean(Rows ensemble, Arena& memory);
void join_mean(const MeanAndAnomalies& parts, Rows ensemble);

// Observations of the members, [M, p], as whitened anomalies R^-1/2 (H(x_m) - mean of H(x_m)) and
// their mean [p], not whitened.
struct ObservedAnomalies {
  double* mean;
  Rows anomalies;
};
ObservedAnomalies observe_ensemble(Rows ensemble, const Observation& observed, Arena& memory);

// R^-1/2 (y - predicted), [1, p].
Rows whitened_innovation(const Observation& observed, const double* predicted, Arena& memory);

// S = Y / sqrt(M - 1) = sum over k of s_k a_k v_k^T for whitened anomalies Y^T [p, M] (given as
// rows of members), by one singular value decomposition, with the projections a_k . d_n of given
// whitened innovations d [n, p]. Directions without spread are left out. Throws AnalysisError
// (singular).
struct Spectrum {
  std::size_t rank = 0;
  double* s;         // [rank], in no order
  Rows v;            // [rank, M]: directions in the space of the members
  Rows projections;  // [rank, n]
};
Spectrum decompose(Rows whitened_anomalies, Rows whitened_innovations, Arena& memory);

// to[m] = scale from[m] + sum_k g_k v_k[m] q_k for the anomalies [M, D], q_k = sum_m v_k[m]
// from[m]: a function of S^T S, given by its values on v_k (scale + g_k) and on the rest (scale),
// applied to them. In place.
void transform_anomalies(Rows anomalies, const Spectrum& spectrum, double scale,
                         const double* extra, Arena& memory);
// q = sum_m v[m] anomalies[m], [D].
void combine_members(Rows anomalies, const double* v, double* q);
// mean += sum_k c_k q_k.
void move_mean(double* mean, Rows anomalies, const Spectrum& spectrum, const double* coefficients);

// The anomalies [M, D] times a random orthogonal matrix of M rows that leaves (1, ..., 1) in place,
// uniformly distributed among those (Sakov and Oke 2008, appendix). In place; M >= 2.
void rotate_anomalies(Rows anomalies, const RandomAddress& random, Arena& memory);

}  // namespace papillon::inline assimilation
