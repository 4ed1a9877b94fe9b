// Lyapunov exponents by the method of Benettin et al. (1980), doi:10.1007/BF02128236.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/dynamics/tangent_linear.hpp"

namespace papillon::inline dynamics {

struct LyapunovOptions {
  std::size_t trajectories = 512;        // averaged over; the standard error is theirs
  std::size_t burn_in = 5000;            // steps to reach the attractor
  std::size_t alignment = 1000;          // steps for the tangent vectors to turn, not counted
  std::size_t steps = 4000;              // of each trajectory that the exponents are averaged over
  std::size_t orthonormalise_every = 5;  // steps
  double dt = 0.01;                      // of a step of RK4
  double initial_std = 1;                // of the normal distribution of initial states
  std::uint64_t seed = 0;                // of the initial states
};

struct LyapunovSpectrum {
  std::vector<double> exponents;        // descending, per unit of time
  std::vector<double> standard_errors;  // of the mean over the trajectories
  double sum = 0;                       // the mean divergence of the flow
  // Kaplan and Yorke's dimension: j + (l_1 + ... + l_j) / |l_{j+1}|, j the last sum that is >= 0.
  double kaplan_yorke = 0;
};

// Of exponents in descending order, as LyapunovSpectrum::kaplan_yorke.
double kaplan_yorke_dimension(const std::vector<double>& exponents);

// One step: states [D, N] to their images, and the images of tangents, D of [D, N] each.
using TangentStep = std::function<void(Tensor<double>& states, Tensor<double>& tangents)>;
// Of any step, from states [N, D] on the attractor: a surrogate's, say. Throws as below.
LyapunovSpectrum lyapunov_spectrum(const Tensor<double>& states, const LyapunovOptions& options,
                                   const TangentStep& step);
// RK4 steps of options.dt; the tangent-linear model is autograd's jvp of the step. Throws
// ArgumentError, and NumericalError if a trajectory blows up.
LyapunovSpectrum lyapunov_spectrum(const AnySystem& system, const LyapunovOptions& options);

}  // namespace papillon::inline dynamics
