#include "papillon/lorenz/assimilation/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/linalg.hpp"

namespace papillon::inline assimilation {
namespace {

class SystemModel final : public ForecastModel {
 public:
  SystemModel(AnySystem system, const Scheme& scheme, double dt, Precision precision)
      : system_(std::move(system)), scheme_(scheme), dt_(dt), precision_(precision) {
    if (dimension() == 0)
      throw ArgumentError("forecast_model: the system's dimension is 0; must be positive");
    if (!std::isfinite(dt))
      throw ArgumentError(fmt::format("forecast_model: the step is {}; must be finite", dt));
  }

  std::size_t dimension() const override { return system_.dimension(); }
  std::string description() const override {
    return fmt::format("system of {} components, {}, dt {}, {}", dimension(), scheme_.name, dt_,
                       precision_ == Precision::float32 ? "float32" : "float64");
  }

  void advance(Rows states, std::size_t steps) const override {
    if (precision_ == Precision::float32)
      integrate_rows<float>(system_, {scheme_, dt_, steps, 0}, states.count, states.data);
    else
      integrate_rows<double>(system_, {scheme_, dt_, steps, 0}, states.count, states.data);
  }

  bool differentiable() const override { return true; }
  Var<double> graph(const Var<double>& states, std::size_t steps) const override {
    const std::size_t n = dimension(), rows = states.value().extent(0);
    std::vector<Var<double>> columns;
    for (std::size_t i = 0; i < n; ++i)
      columns.push_back(reshape(slice(states, 1, i, i + 1), {-1}));
    for (std::size_t s = 0; s < steps; ++s) system_.advance(scheme_, dt_, columns);
    for (Var<double>& column : columns)
      column = reshape(column, {static_cast<std::ptrdiff_t>(rows), 1});
    return concatenate(columns, 1);
  }

 private:
  AnySystem system_;
  Scheme scheme_;
  double dt_;
  Precision precision_;
};

class FunctionModel final : public ForecastModel {
 public:
  FunctionModel(std::size_t dimension, std::function<Tensor<double>(const Tensor<double>&)> step,
                std::function<Var<double>(const Var<double>&)> graph, bool batched)
      : dimension_(dimension), step_(std::move(step)), graph_(std::move(graph)), batched_(batched) {
    if (dimension == 0 || !step_)
      throw ArgumentError("function_model: needs a positive dimension and a function");
  }

  std::size_t dimension() const override { return dimension_; }
  std::string description() const override {
    return fmt::format("function of {} components", dimension_);
  }
  bool batched() const override { return batched_; }

  void advance(Rows states, std::size_t steps) const override {
    Tensor<double> x(Shape{states.count, states.width}, ConstRows(states).values());
    for (std::size_t s = 0; s < steps; ++s) {
      Tensor<double> next = step_(x);
      if (next.shape() != x.shape())
        throw_shape_error("function_model", x.shape(), next.shape(),
                          "a step must keep the shape of the states");
      x = std::move(next);
    }
    std::copy(x.begin(), x.end(), states.data);
  }

  bool differentiable() const override { return static_cast<bool>(graph_); }
  Var<double> graph(const Var<double>& states, std::size_t steps) const override {
    if (!graph_) return ForecastModel::graph(states, steps);
    Var<double> x = states;
    for (std::size_t s = 0; s < steps; ++s) {
      x = graph_(x);
      if (x.shape() != states.shape())
        throw_shape_error("function_model", states.shape(), x.shape(),
                          "a step must keep the shape of the states");
    }
    return x;
  }

 private:
  std::size_t dimension_;
  std::function<Tensor<double>(const Tensor<double>&)> step_;
  std::function<Var<double>(const Var<double>&)> graph_;
  bool batched_;
};

}  // namespace

Var<double> ForecastModel::graph(const Var<double>&, std::size_t) const {
  throw ArgumentError("this forecast model has no graph: tangent-linear and adjoint need one");
}

ModelPointer forecast_model(const AnySystem& system, const Scheme& scheme, double dt,
                            Precision precision) {
  return std::make_shared<SystemModel>(system, scheme, dt, precision);
}

ModelPointer function_model(std::size_t dimension,
                            std::function<Tensor<double>(const Tensor<double>&)> step,
                            std::function<Var<double>(const Var<double>&)> graph, bool batched) {
  return std::make_shared<FunctionModel>(dimension, std::move(step), std::move(graph), batched);
}

ModelPointer linear_model(const Tensor<double>& matrix) {
  if (matrix.rank() != 2 || matrix.extent(0) != matrix.extent(1))
    throw ShapeError(
        fmt::format("linear_model: shape is {}; must be square", to_string(matrix.shape())));
  return function_model(
      matrix.extent(0),
      [matrix](const Tensor<double>& x) {
        return matmul_reference(x, matrix, Transpose::no, Transpose::yes);
      },
      [matrix](const Var<double>& x) {
        return matmul(x, Var<double>(matrix), Transpose::no, Transpose::yes);
      },
      false);
}

Tensor<double> spun_up_states(const ForecastModel& model, std::size_t count, std::size_t spin_up,
                              RandomStream random, double mean, double deviation) {
  Tensor<double> states = random_normal<double>({count, model.dimension()}, random);
  for (double& x : states) x = mean + deviation * x;
  if (count > 0) model.advance(rows_of(states), spin_up);
  if (!all_finite(states))
    throw NumericalError(fmt::format(
        "spun_up_states: a state is not finite after {} steps; a smaller step may help", spin_up));
  return states;
}

}  // namespace papillon::inline assimilation
