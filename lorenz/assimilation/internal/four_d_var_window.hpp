// The window of 4D-Var: its cost, and the derivatives of what is observed in it.
#pragma once

#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"

namespace papillon::inline assimilation {

// For N trajectories, rows that do not depend on each other. x_0 = x_b + L v.
class FourDVarWindow {
 public:
  // observations[n * window + l], of trajectory n at time l; they stay with the caller.
  FourDVarWindow(const ForecastModel& model, const Tensor<double>& b_factor,
                 const FourDVarOptions& options, Tensor<double> background,
                 std::vector<const Observation*> observations);

  std::size_t rows() const { return background_.extent(0); }
  std::size_t dimension() const { return background_.extent(1); }
  Tensor<double> state(const Tensor<double>& v) const;  // x_0 [N, D]

  // J [N], infinite where a trajectory is not finite. By the forecast model, without a graph.
  std::vector<double> cost(const Tensor<double>& v) const;

  // The graph of all observations about x_0(v); what follows is at that point.
  void linearise(const Tensor<double>& v);
  // Minus the gradient of J with respect to v, [N, D].
  Tensor<double> descent() const;
  // (I + L^T G^T R^-1 G L) u for each row: tangent-linear, then adjoint.
  Tensor<double> hessian_product(const Tensor<double>& u) const;

 private:
  // R^-1 on the rows [N, window * P]; and L^T G^T of them.
  void apply_inverse_covariance(Tensor<double>& y) const;
  Tensor<double> adjoint(const Tensor<double>& y) const;

  const ForecastModel& model_;
  const Tensor<double>& l_;
  const FourDVarOptions& options_;
  Tensor<double> background_;
  std::vector<const Observation*> observations_;
  std::size_t p_;  // observations at one time
  Tensor<double> v_;
  Var<double> x0_, y_;  // [N, D] and [N, window * P]
};

}  // namespace papillon::inline assimilation
