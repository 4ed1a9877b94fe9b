#include "papillon/lorenz/assimilation/internal/four_d_var_window.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/manipulate.hpp"

namespace papillon::inline assimilation {

FourDVarWindow::FourDVarWindow(const ForecastModel& model, const Tensor<double>& b_factor,
                               const FourDVarOptions& options, Tensor<double> background,
                               std::vector<const Observation*> observations)
    : model_(model),
      l_(b_factor),
      options_(options),
      background_(std::move(background)),
      observations_(std::move(observations)),
      p_(observations_[0]->model().observations()) {}

Tensor<double> FourDVarWindow::state(const Tensor<double>& v) const {
  Tensor<double> x = background_;
  const std::size_t d = dimension();
  for (std::size_t n = 0; n < rows(); ++n)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j <= i; ++j) x(n, i) += l_(i, j) * v(n, j);
  return x;
}

std::vector<double> FourDVarWindow::cost(const Tensor<double>& v) const {
  const std::size_t n = rows(), d = dimension(), window = options_.window;
  std::vector<double> total(n);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t i = 0; i < d; ++i) total[r] += v(r, i) * v(r, i) / 2;
  Tensor<double> x = state(v);
  Arena memory;
  for (std::size_t l = 0; l < window; ++l) {
    model_.advance(rows_of(x), options_.steps_per_cycle);
    for (std::size_t r = 0; r < n; ++r) {
      const Arena::Scope frame(memory);
      const Observation& y = *observations_[r * window + l];
      const Rows residual = memory.rows(1, y.count());
      if (!y.try_predict({x.data() + r * d, 1, d}, residual, memory))
        total[r] = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < y.count(); ++i) residual[0][i] -= y.values()[i];
      y.whiten(residual);
      for (std::size_t i = 0; i < y.count(); ++i) total[r] += residual[0][i] * residual[0][i] / 2;
    }
  }
  for (double& j : total)
    if (!std::isfinite(j)) j = std::numeric_limits<double>::infinity();
  return total;
}

void FourDVarWindow::linearise(const Tensor<double>& v) {
  v_ = v;
  x0_ = Var<double>::parameter(state(v));
  Var<double> x = x0_;
  std::vector<Var<double>> seen;
  for (std::size_t l = 0; l < options_.window; ++l) {
    x = model_.graph(x, options_.steps_per_cycle);
    seen.push_back(observations_[0]->model().h()(x));
  }
  y_ = concatenate(seen, 1);
}

void FourDVarWindow::apply_inverse_covariance(Tensor<double>& y) const {
  Arena memory;
  for (std::size_t k = 0; k < observations_.size(); ++k)
    observations_[k]->apply_inverse_covariance(y.data() + k * p_, memory);
}

Tensor<double> FourDVarWindow::adjoint(const Tensor<double>& y) const {
  const Tensor<double> g = vjp(y_, {x0_}, Var<double>(y))[0].value();
  const std::size_t d = dimension();
  Tensor<double> out = Tensor<double>::zeros({rows(), d});
  for (std::size_t n = 0; n < rows(); ++n)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j <= i; ++j) out(n, j) += l_(i, j) * g(n, i);
  return out;
}

Tensor<double> FourDVarWindow::descent() const {
  Tensor<double> residual = Tensor<double>::zeros(y_.shape());
  for (std::size_t k = 0; k < observations_.size(); ++k) {
    const Observation& y = *observations_[k];
    for (std::size_t i = 0; i < y.count(); ++i) {
      const std::size_t at = k * p_ + y.which()[i];
      residual[at] = y.values()[i] - y_.value()[at];
    }
  }
  apply_inverse_covariance(residual);
  Tensor<double> out = adjoint(residual);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] -= v_[i];
  return out;
}

Tensor<double> FourDVarWindow::hessian_product(const Tensor<double>& u) const {
  Tensor<double> dx = state(u);
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] -= background_[i];
  Tensor<double> dy = jvp(y_, {x0_}, {Var<double>(std::move(dx))}).value();
  apply_inverse_covariance(dy);
  Tensor<double> out = adjoint(dy);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += u[i];
  return out;
}

FourDVarCost four_d_var_cost(const ForecastModel& model, const ObservationModel& observed,
                             const Tensor<double>& b_factor, const FourDVarOptions& options,
                             const Tensor<double>& background,
                             const std::vector<Tensor<double>>& observations,
                             const Tensor<double>& x0) {
  const std::size_t d = model.dimension(), p = observed.observations();
  if (background.rank() != 2 || background.extent(1) != d || x0.shape() != background.shape())
    throw_shape_error("four_d_var_cost", background.shape(), x0.shape(),
                      "background and state must both be [N, D]");
  const std::size_t n = background.extent(0);
  if (observations.size() != options.window)
    throw ShapeError(fmt::format("four_d_var_cost: {} times of observations, a window of {}",
                                 observations.size(), options.window));
  Arena memory;
  std::vector<Observation> rows;
  for (std::size_t r = 0; r < n; ++r)
    for (const Tensor<double>& y : observations) {
      if (y.shape() != Shape{n, p})
        throw ShapeError(
            fmt::format("four_d_var_cost: observations have shape {}; must be [{}, {}]",
                        to_string(y.shape()), n, p));
      rows.emplace_back(observed, std::span<const double>(y.data() + r * p, p), memory);
    }
  std::vector<const Observation*> pointers;
  for (const Observation& y : rows) pointers.push_back(&y);
  // v = L^-1 (x_0 - x_b), and the gradient with respect to x_0 is L^-T of that with respect to v.
  Tensor<double> difference = x0;
  axpy(-1.0, background, difference);
  const Tensor<double> v = transpose(solve_lower(b_factor, transpose(difference)));
  FourDVarWindow window(model, b_factor, options, background, std::move(pointers));
  FourDVarCost result{window.cost(v), {}};
  window.linearise(v);
  Tensor<double> gradient = window.descent();
  for (double& g : gradient) g = -g;
  result.gradient = transpose(solve_lower(b_factor, transpose(gradient), Transpose::yes));
  return result;
}

}  // namespace papillon::inline assimilation
