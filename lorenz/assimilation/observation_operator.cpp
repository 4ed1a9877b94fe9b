#include "papillon/lorenz/assimilation/observation_operator.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace papillon::inline assimilation {
namespace {

// On numbers and on Vars.
template <class T>
T apply_pointwise(Pointwise f, const T& x) {
  using std::abs, std::exp, std::log, std::tanh;
  switch (f) {
    case Pointwise::identity:
      return x;
    case Pointwise::square:
      return x * x;
    case Pointwise::cube:
      return x * x * x;
    case Pointwise::abs:
      return abs(x);
    case Pointwise::exp:
      return exp(x);
    case Pointwise::log:
      return log(x);
    case Pointwise::log1p_abs:
      return log(abs(x) + 1);
    case Pointwise::tanh:
      return tanh(x);
  }
  return x;
}

}  // namespace

ObservationOperator ObservationOperator::all(std::size_t dimension, Pointwise then) {
  std::vector<std::size_t> which(dimension);
  std::iota(which.begin(), which.end(), std::size_t{0});
  return components(dimension, std::move(which), then);
}

ObservationOperator ObservationOperator::components(std::size_t dimension,
                                                    std::vector<std::size_t> which,
                                                    Pointwise then) {
  if (which.empty()) throw ArgumentError("observations: no component is observed");
  Tensor<double> matrix = Tensor<double>::zeros({which.size(), dimension});
  std::vector<bool> seen(dimension);
  for (std::size_t p = 0; p < which.size(); ++p) {
    if (which[p] >= dimension)
      throw ArgumentError(fmt::format("observations: component {} of a state that has 0 ... {}",
                                      which[p], dimension - 1));
    if (seen[which[p]])
      throw ArgumentError(fmt::format("observations: component {} is listed twice", which[p]));
    seen[which[p]] = true;
    matrix(p, which[p]) = 1;
  }
  ObservationOperator h = linear(matrix, then);
  h.which_ = std::move(which);
  return h;
}

ObservationOperator ObservationOperator::linear(const Tensor<double>& matrix, Pointwise then) {
  if (matrix.rank() != 2 || matrix.empty())
    throw ShapeError(fmt::format("observations: the operator has shape {}; must be [P, D]",
                                 to_string(matrix.shape())));
  if (!all_finite(matrix))
    throw ArgumentError("observations: the operator is not finite; must be finite");
  ObservationOperator h;
  h.observations_ = matrix.extent(0);
  h.dimension_ = matrix.extent(1);
  h.matrix_ = matrix;
  h.pointwise_ = then;
  return h;
}

ObservationOperator ObservationOperator::function(
    std::size_t dimension, std::size_t observations,
    std::function<Var<double>(const Var<double>&)> graph) {
  if (dimension == 0 || observations == 0 || !graph)
    throw ArgumentError("observations: a function needs positive dimensions and a body");
  ObservationOperator h;
  h.dimension_ = dimension;
  h.observations_ = observations;
  h.graph_ = std::move(graph);
  return h;
}

std::string ObservationOperator::description() const {
  if (graph_) return fmt::format("function {} to {}", dimension_, observations_);
  std::string text;
  if (which_.empty()) {
    text = fmt::format("matrix {}x{}", observations_, dimension_);
    for (const double x : matrix_) text += fmt::format(" {}", x);
  } else {
    text = fmt::format("components {} of {}", fmt::join(which_, ","), dimension_);
  }
  return pointwise_ == Pointwise::identity ? text : text + " " + to_string(pointwise_);
}

void ObservationOperator::apply(ConstRows states, Rows out) const {
  if (graph_) {
    const NoGrad values_only;
    const Var<double> y =
        (*this)(Var<double>(Tensor<double>(Shape{states.count, states.width}, states.values())));
    std::copy(y.value().begin(), y.value().end(), out.data);
    return;
  }
  for (std::size_t m = 0; m < states.count; ++m)
    for (std::size_t p = 0; p < observations_; ++p) {
      double sum = 0;
      if (which_.empty()) {
        for (std::size_t i = 0; i < dimension_; ++i) sum += matrix_(p, i) * states[m][i];
      } else {
        sum = states[m][which_[p]];
      }
      out[m][p] = apply_pointwise(pointwise_, sum);
    }
}

Var<double> ObservationOperator::operator()(const Var<double>& states) const {
  const std::size_t rows = states.value().extent(0);
  const Var<double> y = graph_ ? graph_(states)
                               : apply_pointwise(pointwise_, matmul(states, Var<double>(matrix_),
                                                                    Transpose::no, Transpose::yes));
  if (y.shape() != Shape{rows, observations_})
    throw ShapeError(fmt::format("observations: the function gives shape {}; must be [{}, {}]",
                                 to_string(y.shape()), rows, observations_));
  return y;
}

void ObservationOperator::jacobian(const double* state, double* out) const {
  if (is_linear()) {
    std::copy(matrix_.begin(), matrix_.end(), out);
    return;
  }
  // P copies of the state, each with the adjoint of another observation.
  const std::size_t p = observations_, n = dimension_;
  Tensor<double> copies(Shape{p, n}), unit = Tensor<double>::zeros({p, p});
  for (std::size_t k = 0; k < p; ++k) {
    std::copy_n(state, n, copies.data() + k * n);
    unit(k, k) = 1;
  }
  const Var<double> x = Var<double>::parameter(std::move(copies));
  const Var<double> rows = vjp((*this)(x), {x}, Var<double>(std::move(unit)))[0];
  std::copy(rows.value().begin(), rows.value().end(), out);
}

}  // namespace papillon::inline assimilation
