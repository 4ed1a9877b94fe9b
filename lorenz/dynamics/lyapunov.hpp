// Lyapunov exponents by the method of Benettin et al. (1980), doi:10.1007/BF02128236.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "papillon/lorenz/integrate.hpp"
#include "papillon/lorenz/tangent_linear.hpp"

namespace papillon {

struct LyapunovOptions {
  std::size_t trajectories = 512;  // averaged over; the standard error is theirs
  std::size_t burn_in = 5000;      // steps to reach the attractor
  std::size_t alignment = 1000;    // steps for the tangent vectors to turn, not counted
  std::size_t steps = 4000;
  std::size_t orthonormalise_every = 5;
  double dt = 0.01;
  double initial_std = 1;
  std::uint64_t seed = 0;
};

struct LyapunovSpectrum {
  std::vector<double> exponents;        // descending, per unit of time
  std::vector<double> standard_errors;  // of the mean over the trajectories
  double sum = 0;                       // the mean divergence of the flow
  // Kaplan and Yorke's dimension: j + (l_1 + ... + l_j) / |l_{j+1}|, j the last sum that is >= 0.
  double kaplan_yorke = 0;
};

double kaplan_yorke_dimension(const std::vector<double>& exponents);

namespace detail {
// One step: states [D, N] to their images, and the images of tangents, D of [D, N] each.
using TangentStep = std::function<void(Tensor<double>& states, Tensor<double>& tangents)>;
LyapunovSpectrum lyapunov(const Tensor<double>& states, const LyapunovOptions& options,
                          const TangentStep& step);
Tensor<double> lyapunov_start(std::size_t dimension, const LyapunovOptions& options);
}  // namespace detail

// RK4 steps of options.dt; the tangent-linear model is autograd's jvp of the step. Throws
// ArgumentError, and NumericalError if a trajectory blows up.
template <System S>
LyapunovSpectrum lyapunov_spectrum(const S& system, const LyapunovOptions& options) {
  const std::size_t n = system.dimension();
  Tensor<double> states = detail::lyapunov_start(n, options);
  integrate(system, Scheme::rk4, options.dt, options.burn_in, states);
  return detail::lyapunov(states, options, [&](Tensor<double>& x, Tensor<double>& tangents) {
    const StepGraph<double> graph = step_graph(system, options.dt, x);
    const std::size_t rows = x.extent(1);
    for (std::size_t k = 0; k < n; ++k) {  // each tangent vector, [D, N]
      double* tangent = tangents.data() + k * n * rows;
      std::vector<Var<double>> columns;
      for (std::size_t i = 0; i < n; ++i)
        columns.emplace_back(
            Tensor<double>(Shape{rows}, std::span<const double>(tangent + i * rows, rows)));
      const Var<double> image = jvp(graph.output, graph.inputs, columns);
      std::copy(image.value().begin(), image.value().end(), tangent);
    }
    std::copy(graph.output.value().begin(), graph.output.value().end(), x.begin());
  });
}

}  // namespace papillon
