#include "papillon/lorenz/dynamics/lyapunov.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/random_streams.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline dynamics {

double kaplan_yorke_dimension(const std::vector<double>& exponents) {
  double sum = 0;
  for (std::size_t j = 0; j < exponents.size(); ++j) {
    if (sum + exponents[j] < 0) return static_cast<double>(j) + sum / std::abs(exponents[j]);
    sum += exponents[j];
  }
  return static_cast<double>(exponents.size());
}

namespace {

// Rows of a tape: enough to amortise its making, few enough to stay in cache and to share out.
constexpr std::size_t block = 64;

// Gram and Schmidt (modified) on the D tangent vectors of each of the rows; adds the logarithms of
// their lengths. tangents: [D vectors, D components, N].
void orthonormalise(Tensor<double>& tangents, std::size_t n, std::size_t rows, double* logs) {
  const auto at = [&](std::size_t k, std::size_t i, std::size_t r) -> double& {
    return tangents[(k * n + i) * rows + r];
  };
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t l = 0; l < k; ++l) {
        double dot = 0;
        for (std::size_t i = 0; i < n; ++i) dot += at(l, i, r) * at(k, i, r);
        for (std::size_t i = 0; i < n; ++i) at(k, i, r) -= dot * at(l, i, r);
      }
      double square = 0;
      for (std::size_t i = 0; i < n; ++i) square += at(k, i, r) * at(k, i, r);
      const double length = std::sqrt(square);
      for (std::size_t i = 0; i < n; ++i) at(k, i, r) /= length;
      logs[r * n + k] += std::log(length);
    }
  }
}

Tensor<double> lyapunov_start(std::size_t dimension, const LyapunovOptions& o) {
  if (o.trajectories < 2 || o.steps == 0 || o.orthonormalise_every == 0 || !(o.dt > 0))
    throw ArgumentError(fmt::format(
        "lyapunov: trajectories {} should be at least 2; steps {}, orthonormalise_every {} and dt "
        "{} positive",
        o.trajectories, o.steps, o.orthonormalise_every, o.dt));
  Tensor<double> x = random_normal<double>({o.trajectories, dimension},
                                           random_stream(o.seed, Purpose::lyapunov_states));
  for (double& v : x) v *= o.initial_std;
  return x;
}

}  // namespace

LyapunovSpectrum lyapunov_spectrum(const Tensor<double>& states, const LyapunovOptions& o,
                                   const TangentStep& step) {
  const std::size_t total = states.extent(0), n = states.extent(1);
  std::vector<double> logs(total * n);
  parallel_for((total + block - 1) / block, [&](std::size_t b) {
    const std::size_t first = b * block, rows = std::min(block, total - first);
    Tensor<double> x(Shape{n, rows}), tangents = Tensor<double>::zeros(Shape{n, n, rows});
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t i = 0; i < n; ++i) {
        x(i, r) = states(first + r, i);
        tangents[(i * n + i) * rows + r] = 1;
      }
    double* own_logs = logs.data() + first * n;
    for (std::size_t s = 1; s <= o.alignment + o.steps; ++s) {
      step(x, tangents);
      const bool aligned = s == o.alignment;
      if (aligned || s % o.orthonormalise_every == 0 || s == o.alignment + o.steps)
        orthonormalise(tangents, n, rows, own_logs);
      if (aligned) std::fill_n(own_logs, rows * n, 0.0);
    }
  });
  const double time = static_cast<double>(o.steps) * o.dt, count = static_cast<double>(total);
  LyapunovSpectrum result;
  for (std::size_t k = 0; k < n; ++k) {
    double mean = 0, square = 0;
    for (std::size_t r = 0; r < total; ++r) mean += logs[r * n + k] / time / count;
    for (std::size_t r = 0; r < total; ++r) {
      const double d = logs[r * n + k] / time - mean;
      square += d * d;
    }
    if (!std::isfinite(mean))
      throw NumericalError(fmt::format("lyapunov: a trajectory blew up with dt {}", o.dt));
    result.exponents.push_back(mean);
    result.standard_errors.push_back(std::sqrt(square / (count - 1) / count));
    result.sum += mean;
  }
  result.kaplan_yorke = kaplan_yorke_dimension(result.exponents);
  return result;
}

LyapunovSpectrum lyapunov_spectrum(const AnySystem& system, const LyapunovOptions& options) {
  const std::size_t n = system.dimension();
  Tensor<double> states = lyapunov_start(n, options);
  integrate(system, Scheme::rk4, options.dt, options.burn_in, states);
  return lyapunov_spectrum(states, options, [&](Tensor<double>& x, Tensor<double>& tangents) {
    const StepGraph graph = step_graph(system, options.dt, x);
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

}  // namespace papillon::inline dynamics
