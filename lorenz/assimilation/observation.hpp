// Observations: their errors, their source, and the observations of one analysis.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "papillon/lorenz/assimilation/observation_operator.hpp"
#include "papillon/lorenz/assimilation/random_address.hpp"

namespace papillon::inline assimilation {

// y = H(x) + e, e ~ N(0, R).
class ObservationModel {
 public:
  // Throws ShapeError if the errors do not fit the operator, ArgumentError for a deviation that is
  // not positive, NumericalError for a covariance that is not positive definite.
  ObservationModel(ObservationOperator h, double deviation);
  ObservationModel(ObservationOperator h, std::vector<double> deviations);    // [P]
  ObservationModel(ObservationOperator h, const Tensor<double>& covariance);  // R [P, P]

  const ObservationOperator& h() const { return h_; }
  std::size_t dimension() const { return h_.dimension(); }
  std::size_t observations() const { return h_.observations(); }
  bool uncorrelated() const { return covariance_.empty(); }
  const std::vector<double>& deviations() const { return deviations_; }  // sqrt(diag(R)), [P]
  Tensor<double> covariance() const;                                     // R [P, P]
  std::string description() const;

  // y = H(truth) + the error that belongs to the address.
  void observe(const double* truth, const RandomAddress& address, double* out, Arena& memory) const;

 private:
  friend class Observation;
  ObservationOperator h_;
  std::vector<double> deviations_;
  Tensor<double> covariance_, factor_;  // empty if uncorrelated; R = factor factor^T
};

// The observations of one trajectory at one time that are not missing: p of P.
// "Whitened": multiplied by L^-1 where the errors of these p have covariance L L^T.
class Observation {
 public:
  Observation() = default;
  // values [P]; NaN: missing. Memory is of the caller's frame. Throws AnalysisError (observation)
  // if a value is infinite.
  Observation(const ObservationModel& model, std::span<const double> values, Arena& memory);
  Observation(const ObservationModel&&, std::span<const double>, Arena&) = delete;

  const ObservationModel& model() const { return *model_; }
  std::size_t count() const { return count_; }  // p; 0: nothing to analyse
  bool complete() const { return count_ == model_->observations(); }
  const double* values() const { return values_; }     // [p]
  const std::size_t* which() const { return which_; }  // [p]: places among the P
  // H of the states, out [rows, p]. Throws AnalysisError (observation) if it is not finite where
  // the states are.
  void predict(ConstRows states, Rows out, Arena& memory) const;
  // The same; false where it would throw.
  bool try_predict(ConstRows states, Rows out, Arena& memory) const;
  // Rows of p numbers, each whitened in place.
  void whiten(Rows rows) const;
  // The lower triangle L, [p, p] with the distance p between rows; for uncorrelated errors their
  // deviations, [p].
  const double* factor() const { return factor_; }
  // R of observations i and j of the p.
  double error_covariance(std::size_t i, std::size_t j) const;
  // R^-1 on a row of P numbers in place, with zeros for what is missing on both sides.
  void apply_inverse_covariance(double* row, Arena& memory) const;

 private:
  const ObservationModel* model_ = nullptr;
  std::size_t count_ = 0;
  double *values_ = nullptr, *factor_ = nullptr;
  std::size_t* which_ = nullptr;
};

// The observations of an experiment: drawn around the truth, or given, [trajectories, cycles, P]
// with NaN for what is missing.
struct ObservationSource {
  ObservationModel model;
  std::optional<Tensor<double>> given{};

  // The observations [P] of the trajectory and cycle of the address, with this truth [D]. Throws
  // AnalysisError (observation) if the operator is not finite at the truth.
  void observe(const double* truth, const RandomAddress& address, std::span<double> out,
               Arena& memory) const;
};

}  // namespace papillon::inline assimilation
