// Strong-constraint 4D-Var: the initial state whose trajectory fits a window of observations best.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/lorenz/assimilation/model.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

struct FourDVarOptions {
  std::size_t window = 1;            // observation intervals
  std::size_t steps_per_cycle = 10;  // model steps of one interval
  std::size_t outer_loops = 10;
  std::size_t inner_loops = 100;  // of conjugate gradients, at most
  double outer_tolerance = 1e-4;  // on the step of the control vector: standard deviations
  double inner_tolerance = 1e-6;  // of the residual's norm, relative to where it began

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("window", self.window,
          {"observation intervals that are analysed together", closed(1, 100'000)});
    visit("outer-loops", self.outer_loops, {"linearisations, at most", closed(1, 1'000'000)});
    visit("inner-loops", self.inner_loops,
          {"conjugate gradients of each, at most", closed(1, 1'000'000)});
    visit("tolerance", self.outer_tolerance, {"of a step, in standard deviations", above(0, 1)});
  }
};

// Minimises J(x_0) = 1/2 |x_0 - x_b|^2_B^-1 + 1/2 sum_l |y_l - H(M_l(x_0))|^2_R^-1 over the state
// at the window's start: outer loops linearise about the trajectory of x_0 (incremental 4D-Var,
// Courtier et al. 1994), inner loops solve for the control variable v, x_0 = x_b + L v, by
// conjugate gradients, with tangent-linear model and adjoint from autograd; a step is halved until
// J falls, and after the last loop the state is taken as it is. Trajectories share graphs, but not
// numbers. Throws AssimilationError (diverged) where the trajectory of the background is not
// finite, and ArgumentError for a model without a graph. B = deviation_inflation^2 covariance.
MethodPointer four_d_var(ModelPointer model, const Tensor<double>& covariance,
                         double deviation_inflation = 1, const FourDVarOptions& options = {});

// J for the rows of x0 [N, D], and its gradient [N, D]. observations: one [N, P] for each time of
// the window, NaN for what is missing. What four_d_var minimises, open to tests and to minimisers
// of your own. Throws ShapeError.
struct FourDVarCost {
  std::vector<double> value;  // [N]
  Tensor<double> gradient;    // [N, D]
};
FourDVarCost four_d_var_cost(const ForecastModel& model, const ObservationModel& observed,
                             const Tensor<double>& b_factor, const FourDVarOptions& options,
                             const Tensor<double>& background,
                             const std::vector<Tensor<double>>& observations,
                             const Tensor<double>& x0);

}  // namespace papillon::inline assimilation
