// 3D-Var: the state that fits background and observations best, with a static B.
#pragma once

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

struct ThreeDVarOptions {
  std::size_t outer_loops = 100;  // linearisations of H, at most; a linear H needs one
  double tolerance = 1e-8;  // on the step |v_k+1 - v_k| of the control vector: standard deviations

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("outer-loops", self.outer_loops, {"linearisations, at most", closed(1, 1'000'000)});
    visit("tolerance", self.tolerance, {"of a step, in standard deviations", above(0, 1)});
  }
};

// Minimises J(x) = 1/2 |x - x_b|^2_B^-1 + 1/2 |y - H(x)|^2_R^-1 by Gauss-Newton in the control
// variable v, x = x_b + L v, B = L L^T (incremental 3D-Var: Courtier et al. 1994, eqs. 5-8; Lorenc
// 1986), each step halved until J falls; it stops where it is after the last loop.
// states: [1, D], factor: L [D, D]. If the report is asked for, it gets the variances of L L^T and
// of the inverse of the Hessian. Throws AnalysisError (observation) if H(x_b) is not finite.
void three_d_var_analysis(AnalysisCase& analysis, const Tensor<double>& factor,
                          const ThreeDVarOptions& options, Arena& memory);

// B = deviation_inflation^2 covariance. From climatology: covariance = its covariance, and the
// factor is this inflation. For the sigma-point form of the paper see enoi() with
// sigma_point_source().
MethodPointer three_d_var(const Tensor<double>& covariance, double deviation_inflation = 1,
                          const ThreeDVarOptions& options = {});

}  // namespace papillon::inline assimilation
