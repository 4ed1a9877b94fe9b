// Forecast models: a dynamical system, a surrogate, or any function.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/lorenz/assimilation/model_noise.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/tensor/arena.hpp"

namespace papillon::inline assimilation {

// Safe to call from several threads at once. A state that diverges becomes infinite or NaN, which
// the twin experiment detects.
class ForecastModel {
 public:
  virtual ~ForecastModel() = default;
  virtual std::size_t dimension() const = 0;
  // Moves each row by `steps` steps, in place. What happens to a row does not depend on the others.
  virtual void advance(Rows states, std::size_t steps) const = 0;
  // True if one call with the states of all trajectories is better than many with few (a network).
  virtual bool batched() const { return false; }
  // For checkpoints; they also compare the effect of the model on a state.
  virtual std::string description() const { return "model"; }

  // The same as a graph, from states [N, D] to states [N, D]: tangent-linear model and adjoint are
  // its jvp and vjp. Throws ArgumentError where there is none.
  virtual Var<double> graph(const Var<double>& states, std::size_t steps) const;
  virtual bool differentiable() const { return false; }
};
using ModelPointer = std::shared_ptr<const ForecastModel>;

// A system stepped with a scheme; differentiable.
ModelPointer forecast_model(const AnySystem& system, const Scheme& scheme = Scheme::rk4,
                            double dt = 0.01, Precision precision = Precision::float64);

// Any function from states [N, D] to the states one step later; `graph`, if given, is the same on
// Vars. Networks want to be called with many rows: batched.
ModelPointer function_model(std::size_t dimension,
                            std::function<Tensor<double>(const Tensor<double>&)> step,
                            std::function<Var<double>(const Var<double>&)> graph = {},
                            bool batched = true);

// x -> A x for a matrix [D, D]; differentiable.
ModelPointer linear_model(const Tensor<double>& matrix);

// Rows [count, D] on the attractor: normal states moved by spin_up steps. Throws NumericalError if
// one is not finite.
Tensor<double> spun_up_states(const ForecastModel& model, std::size_t count, std::size_t spin_up,
                              RandomStream random, double mean = 0, double deviation = 1);

}  // namespace papillon::inline assimilation
