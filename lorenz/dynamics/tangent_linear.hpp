// The tangent-linear model and the adjoint of one step of RK4, by autograd.
#pragma once

#include <vector>

#include "papillon/lorenz/dynamics/any_system.hpp"

namespace papillon::inline dynamics {

// A step of many trajectories with its derivative, by autograd.
struct StepGraph {
  std::vector<Var<double>> inputs;  // D leaves, [N] each
  Var<double> output;               // the new states, component by component: [D * N]
};

// An RK4 step of size dt; components: [D, N].
StepGraph step_graph(const AnySystem& system, double dt, const Tensor<double>& components);

}  // namespace papillon::inline dynamics
