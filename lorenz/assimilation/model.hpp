// What moves states between observations: a dynamical system, a surrogate, or any function.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/lorenz/assimilation/random_address.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/tensor/arena.hpp"

namespace papillon::inline assimilation {

// Safe to call from several threads at once. A state that blows up becomes infinite or NaN; the
// experiment finds it.
class ForecastModel {
 public:
  virtual ~ForecastModel() = default;
  virtual std::size_t dimension() const = 0;
  // Moves each row by `steps` steps, in place. What happens to a row does not depend on the others.
  virtual void advance(Rows states, std::size_t steps) const = 0;
  // True if one call with the states of all trajectories is better than many with few (a network).
  virtual bool batched() const { return false; }
  // For files. Experiments are told apart by what the model does to a state, too.
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

// Additive Gaussian noise: N(0, Q) on every state after each `every` model steps, counted from the
// last observation time. every = 1 is noise in each step, every = steps_per_cycle in each cycle.
struct ModelNoise {
  std::size_t every = 0;  // 0: none
  Tensor<double> factor;  // [D]: standard deviations; [D, D]: a square root L of Q = L L^T
};
// From a covariance Q [D, D]. Throws as covariance_factor() does.
ModelNoise covariance_noise(const Tensor<double>& covariance, std::size_t every);
ModelNoise deviation_noise(std::vector<double> deviations, std::size_t every);

// Moves the states of one trajectory by `steps`, beginning `done` steps after the observation time,
// with noise number (noise time, row, component) of the address and purpose, wherever the steps
// are cut into pieces. Throws ShapeError.
void advance_with_noise(const ForecastModel& model, const ModelNoise& noise, Rows states,
                        std::size_t done, std::size_t steps, const RandomAddress& address,
                        Purpose purpose, Arena& memory);

// The noise of noise time `number` (0 ... in a cycle) alone, added to the states of one trajectory.
void add_model_noise(const ModelNoise& noise, Rows states, std::size_t number,
                     const RandomAddress& address, Purpose purpose, Arena& memory);
// Throws ShapeError or ArgumentError where the noise does not fit states of that dimension or
// cycles of that many steps.
void check_model_noise(const ModelNoise& noise, std::size_t dimension, std::size_t steps);

// Rows [count, D] on the attractor: normal states moved by spin_up steps. Throws NumericalError if
// one is not finite.
Tensor<double> spun_up_states(const ForecastModel& model, std::size_t count, std::size_t spin_up,
                              RandomStream random, double mean = 0, double deviation = 1);

}  // namespace papillon::inline assimilation
