#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/lorenz/assimilation/internal/four_d_var_window.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {
namespace {

// The number of trajectories that share a graph: large enough to make its overhead small, small
// enough to leave work for all threads.
std::size_t graph_rows(std::size_t cases) {
  return std::clamp<std::size_t>(cases / 8, 8, 64);
}

std::vector<double> dots(const Tensor<double>& a, const Tensor<double>& b) {
  std::vector<double> out(a.extent(0));
  for (std::size_t n = 0; n < a.extent(0); ++n)
    for (std::size_t i = 0; i < a.extent(1); ++i) out[n] += a(n, i) * b(n, i);
  return out;
}

// row n of x += factors[n] * row n of y
void add_rows(Tensor<double>& x, const std::vector<double>& factors, const Tensor<double>& y) {
  for (std::size_t n = 0; n < x.extent(0); ++n)
    for (std::size_t i = 0; i < x.extent(1); ++i) x(n, i) += factors[n] * y(n, i);
}

// Conjugate gradients (Hestenes and Stiefel 1952) for the Gauss-Newton step of each row; a row that
// has converged has factors of zero.
Tensor<double> gauss_newton_step(const FourDVarWindow& window, Tensor<double> residual,
                                 const FourDVarOptions& options) {
  const std::size_t n = residual.extent(0);
  Tensor<double> step = Tensor<double>::zeros(residual.shape()), direction = residual;
  std::vector<double> squares = dots(residual, residual), limits = squares;
  for (double& limit : limits) limit *= options.inner_tolerance * options.inner_tolerance;
  for (std::size_t loop = 0; loop < options.inner_loops; ++loop) {
    bool any = false;
    for (std::size_t r = 0; r < n; ++r) any = any || squares[r] > limits[r];
    if (!any) break;
    const Tensor<double> image = window.hessian_product(direction);
    const std::vector<double> curvature = dots(direction, image);
    std::vector<double> alpha(n), minus(n), beta(n);
    for (std::size_t r = 0; r < n; ++r) {
      alpha[r] = squares[r] > limits[r] ? squares[r] / curvature[r] : 0;
      minus[r] = -alpha[r];
    }
    add_rows(step, alpha, direction);
    add_rows(residual, minus, image);
    const std::vector<double> next = dots(residual, residual);
    for (std::size_t r = 0; r < n; ++r) beta[r] = squares[r] > limits[r] ? next[r] / squares[r] : 0;
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t i = 0; i < residual.extent(1); ++i)
        direction(r, i) = residual(r, i) + beta[r] * direction(r, i);
    squares = next;
  }
  return step;
}

// Moves v by the largest of 1, 1/2, 1/4, ... of each row's step for which J does not grow; false
// for rows whose step is below the tolerance by then.
std::vector<bool> move_rows(const FourDVarWindow& window, const Tensor<double>& step,
                            const FourDVarOptions& options, Tensor<double>& v,
                            std::vector<double>& value) {
  const std::size_t n = v.extent(0);
  std::vector<double> fraction(n, 1.0), length = dots(step, step);
  std::vector<bool> open(n, true), moved(n, false);
  for (std::size_t r = 0; r < n; ++r) open[r] = std::sqrt(length[r]) > options.outer_tolerance;
  while (std::find(open.begin(), open.end(), true) != open.end()) {
    Tensor<double> trial = v;
    std::vector<double> factors(n);
    for (std::size_t r = 0; r < n; ++r) factors[r] = open[r] ? fraction[r] : 0;
    add_rows(trial, factors, step);
    const std::vector<double> cost = window.cost(trial);
    for (std::size_t r = 0; r < n; ++r) {
      if (!open[r]) continue;
      if (cost[r] <= value[r]) {
        std::copy_n(trial.data() + r * v.extent(1), v.extent(1), v.data() + r * v.extent(1));
        value[r] = cost[r];
        moved[r] = true;
        open[r] = false;
      } else {
        fraction[r] /= 2;
        open[r] = fraction[r] * std::sqrt(length[r]) > options.outer_tolerance;
      }
    }
  }
  return moved;
}

Tensor<double> minimise(FourDVarWindow& window, const FourDVarOptions& options,
                        std::vector<double>& value) {
  Tensor<double> v = Tensor<double>::zeros({window.rows(), window.dimension()});
  value = window.cost(v);
  for (const double j : value)
    if (!std::isfinite(j)) return v;
  for (std::size_t loop = 0; loop < options.outer_loops; ++loop) {
    window.linearise(v);
    const Tensor<double> step = gauss_newton_step(window, window.descent(), options);
    const std::vector<bool> moved = move_rows(window, step, options, v, value);
    if (std::find(moved.begin(), moved.end(), true) == moved.end()) break;
  }
  return v;
}

class FourDVar final : public AssimilationMethod {
 public:
  FourDVar(ModelPointer model, const Tensor<double>& covariance, double inflation,
           const FourDVarOptions& options)
      : model_(std::move(model)),
        l_(covariance_factor(covariance, "4D-Var: B", inflation)),
        options_(options) {
    if (!model_ || !model_->differentiable())
      throw ArgumentError("4D-Var: needs a model with a graph, for its adjoint");
    if (l_.extent(0) != model_->dimension())
      throw ShapeError(fmt::format("4D-Var: a covariance of {} components, a model of {}",
                                   l_.extent(0), model_->dimension()));
    if (options.window == 0 || options.steps_per_cycle == 0 || options.outer_loops == 0 ||
        options.inner_loops == 0 || !(inflation > 0))
      throw ArgumentError("4D-Var: window, steps, loops and inflation must be positive");
  }
  std::string name() const override { return "four_d_var"; }
  std::string description() const override {
    return fmt::format(
        "four_d_var window {} steps_per_cycle {} outer_loops {} inner_loops {} "
        "tolerances {} {} factor {}, {}",
        options_.window, options_.steps_per_cycle, options_.outer_loops, options_.inner_loops,
        options_.outer_tolerance, options_.inner_tolerance, fmt::join(l_.begin(), l_.end(), " "),
        model_->description());
  }
  Uncertainty uncertainty() const override { return Uncertainty::none; }
  bool batched() const override { return true; }
  std::size_t window() const override { return options_.window; }
  bool from_window_start() const override { return true; }
  void check(const ObservationModel& observations) const override {
    if (observations.dimension() != l_.extent(0))
      throw ShapeError(fmt::format("4D-Var: a covariance of {} components, observations of {}",
                                   l_.extent(0), observations.dimension()));
  }

  void analyse(std::span<AnalysisCase> cases, Arena&) const override {
    const std::size_t block = graph_rows(cases.size());
    const std::size_t blocks = (cases.size() + block - 1) / block;
    std::vector<std::size_t> failed(blocks, cases.size());
    parallel_for(blocks, [&](std::size_t b) {
      const std::size_t begin = b * block;
      const std::size_t count = std::min(block, cases.size() - begin);
      failed[b] = begin + analyse_block(cases.subspan(begin, count));
      if (failed[b] == begin + count) failed[b] = cases.size();
    });
    const std::size_t first = *std::min_element(failed.begin(), failed.end());
    if (first < cases.size())
      throw AssimilationError(AssimilationFailure::diverged, cases[first].random.cycle,
                              cases[first].random.trajectory,
                              "4D-Var: the trajectory of the background is not finite");
  }

 private:
  // The number of the first case that failed, or the number of cases if none did.
  std::size_t analyse_block(std::span<AnalysisCase> cases) const {
    const std::size_t n = cases.size(), d = l_.extent(0);
    Tensor<double> background(Shape{n, d});
    std::vector<const Observation*> observations;
    bool any = false;
    for (std::size_t r = 0; r < n; ++r) {
      std::copy_n(cases[r].states[0], d, background.data() + r * d);
      for (std::size_t l = 0; l < options_.window; ++l) {
        observations.push_back(cases[r].observations + l);
        any = any || observations.back()->count() > 0;
      }
    }
    if (!any) return n;
    FourDVarWindow window(*model_, l_, options_, std::move(background), std::move(observations));
    std::vector<double> value;
    const Tensor<double> x0 = window.state(minimise(window, options_, value));
    for (std::size_t r = 0; r < n; ++r)
      if (!std::isfinite(value[r])) return r;
    for (std::size_t r = 0; r < n; ++r) std::copy_n(x0.data() + r * d, d, cases[r].states[0]);
    return n;
  }

  ModelPointer model_;
  Tensor<double> l_;
  FourDVarOptions options_;
};

}  // namespace

MethodPointer four_d_var(ModelPointer model, const Tensor<double>& covariance,
                         double deviation_inflation, const FourDVarOptions& options) {
  return std::make_shared<FourDVar>(std::move(model), covariance, deviation_inflation, options);
}

}  // namespace papillon::inline assimilation
