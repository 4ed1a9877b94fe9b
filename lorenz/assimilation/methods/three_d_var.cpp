#include "papillon/lorenz/assimilation/methods/three_d_var.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

namespace papillon::inline assimilation {
namespace {

// J and what its next linearisation needs, at x = x_b + L v.
class Cost {
 public:
  Cost(const Observation& observed, const Tensor<double>& factor, const double* background,
       Arena& memory)
      : observed_(observed),
        factor_(factor),
        background_(background),
        memory_(memory),
        d_(factor.extent(0)),
        x_(memory.rows(1, d_)),
        residual_(memory.rows(1, observed.count())),
        g_(memory.rows(observed.count(), d_)) {}

  double* state() const { return x_[0]; }
  const double* residual() const { return residual_[0]; }  // R^-1/2 (y - H(x)), [p]
  Rows jacobian() const { return g_; }                     // R^-1/2 H' L, [p, D]

  double value(const double* v) {
    std::copy_n(background_, d_, x_[0]);
    double cost = 0;
    for (std::size_t i = 0; i < d_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) x_[0][i] += factor_(i, j) * v[j];
      cost += v[i] * v[i];
    }
    // Outside the operator's domain: no state to go to.
    if (!observed_.try_predict(x_, residual_, memory_))
      return std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < observed_.count(); ++i)
      residual_[0][i] = observed_.values()[i] - residual_[0][i];
    observed_.whiten(residual_);
    for (std::size_t i = 0; i < observed_.count(); ++i) cost += residual_[0][i] * residual_[0][i];
    return cost / 2;
  }

  void linearise() {
    const Arena::Scope frame(memory_);
    const std::size_t p = observed_.count();
    const Rows h = memory_.rows(observed_.model().observations(), d_), column = memory_.rows(1, p);
    observed_.model().h().jacobian(x_[0], h.data);
    for (std::size_t j = 0; j < d_; ++j) {
      for (std::size_t i = 0; i < p; ++i) {
        column[0][i] = 0;
        for (std::size_t k = j; k < d_; ++k)
          column[0][i] += h[observed_.which()[i]][k] * factor_(k, j);
      }
      observed_.whiten(column);
      for (std::size_t i = 0; i < p; ++i) g_[i][j] = column[0][i];
    }
  }

 private:
  const Observation& observed_;
  const Tensor<double>& factor_;
  const double* background_;
  Arena& memory_;
  std::size_t d_;
  Rows x_, residual_, g_;
};

// The Cholesky factor of I + G^T G, [D, D].
void factorise_hessian(ConstRows g, double* out) {
  const std::size_t d = g.width;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = i == j ? 1 : 0;
      for (std::size_t k = 0; k < g.count; ++k) sum += g[k][i] * g[k][j];
      out[i * d + j] = sum;
    }
  if (!small::cholesky(out, d))
    throw AnalysisError(AssimilationFailure::singular, "3D-Var: the Hessian is not finite");
}

// diag(L L^T), and diag(L (I + G^T G)^-1 L^T).
void report_variances(const AnalysisCase& analysis, const Tensor<double>& l, const double* hessian,
                      Arena& memory) {
  if (!analysis.report.background.data) return;
  const std::size_t d = l.extent(0);
  double* row = memory.take(d);
  for (std::size_t i = 0; i < d; ++i) {
    double before = 0, after = 0;
    for (std::size_t j = 0; j < d; ++j) row[j] = l(i, j);
    for (std::size_t j = 0; j < d; ++j) before += row[j] * row[j];
    if (hessian) small::solve_lower(hessian, d, row);
    for (std::size_t j = 0; j < d; ++j) after += row[j] * row[j];
    analysis.report.background[0][i] = before;
    analysis.report.analysis[0][i] = after;
  }
}

}  // namespace

void three_d_var_analysis(AnalysisCase& analysis, const Tensor<double>& factor,
                          const ThreeDVarOptions& options, Arena& memory) {
  const Observation& observed = *analysis.observations;
  if (observed.count() == 0) return report_variances(analysis, factor, nullptr, memory);
  const std::size_t d = analysis.states.width, p = observed.count();
  Cost cost(observed, factor, analysis.states[0], memory);
  double *v = memory.zeros(d), *next = memory.take(d), *step = memory.take(d);
  double* chol = memory.take(d * d);
  double value = cost.value(v);
  if (std::isinf(value))
    throw AnalysisError(AssimilationFailure::observation,
                        "3D-Var: the background is outside the observation operator's domain");
  const bool linear = observed.model().h().is_linear();
  bool converged = false;
  for (std::size_t loop = 0; loop < options.outer_loops && !converged; ++loop) {
    cost.linearise();
    factorise_hessian(cost.jacobian(), chol);
    double length = 0;
    for (std::size_t i = 0; i < d; ++i) {  // minus the gradient
      step[i] = -v[i];
      for (std::size_t k = 0; k < p; ++k) step[i] += cost.jacobian()[k][i] * cost.residual()[k];
    }
    small::solve_lower(chol, d, step);
    small::solve_lower_transposed(chol, d, step);
    for (std::size_t i = 0; i < d; ++i) length += step[i] * step[i];
    length = std::sqrt(length);
    // Rounding can make J larger by a few units in the last place: then nothing is left to gain.
    double fraction = 1, trial = 0;
    for (;; fraction /= 2) {
      for (std::size_t i = 0; i < d; ++i) next[i] = v[i] + fraction * step[i];
      trial = cost.value(next);
      if (linear || trial <= value || fraction * length <= options.tolerance) break;
    }
    converged = linear || fraction * length <= options.tolerance;
    if (trial <= value * (1 + 1e-12)) std::copy_n(next, d, v);
    value = cost.value(v);
  }
  std::copy_n(cost.state(), d, analysis.states[0]);
  report_variances(analysis, factor, chol, memory);
}

MethodPointer three_d_var(const Tensor<double>& covariance, double deviation_inflation,
                          const ThreeDVarOptions& options) {
  if (!(deviation_inflation > 0 && options.tolerance > 0 && options.outer_loops > 0))
    throw ArgumentError("3D-Var: inflation, tolerance and loops must be positive");
  const Tensor<double> l = covariance_factor(covariance, "3D-Var: B", deviation_inflation);
  MethodTraits traits{
      "three_d_var",
      fmt::format("three_d_var factor {} outer_loops {} tolerance {}",
                  fmt::join(l.begin(), l.end(), " "), options.outer_loops, options.tolerance)};
  traits.uncertainty = Uncertainty::gaussian;
  traits.dimension = l.extent(0);
  return make_method(std::move(traits), [l, options](AnalysisCase& analysis, Arena& memory) {
    three_d_var_analysis(analysis, l, options, memory);
  });
}

}  // namespace papillon::inline assimilation
