// Observation operators.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/arena.hpp"
#include "papillon/tensor/enum_names.hpp"

namespace papillon::inline assimilation {

// Applied to each observed number.
enum class Pointwise { identity, square, cube, abs, exp, log, log1p_abs, tanh };
constexpr auto enum_names(Pointwise) {
  return std::array{"identity", "square", "cube", "abs", "exp", "log", "log1p_abs", "tanh"};
}

// H: states of D components to P observations. A value; cheap to copy. Rows do not depend on each
// other.
class ObservationOperator {
 public:
  // All components, or those listed (each 0 ... D-1, any order). Throws ArgumentError for a
  // component that the state does not have, for none, and for one that is listed twice.
  static ObservationOperator all(std::size_t dimension, Pointwise then = Pointwise::identity);
  static ObservationOperator components(std::size_t dimension, std::vector<std::size_t> which,
                                        Pointwise then = Pointwise::identity);
  // H [P, D], then the function. Throws ShapeError, and ArgumentError if it is not finite.
  static ObservationOperator linear(const Tensor<double>& matrix,
                                    Pointwise then = Pointwise::identity);
  // A function from [N, D] to [N, P]; tangent-linear and adjoint come from its graph. A call throws
  // ShapeError if the result has another shape.
  static ObservationOperator function(std::size_t dimension, std::size_t observations,
                                      std::function<Var<double>(const Var<double>&)> graph);

  std::size_t dimension() const { return dimension_; }        // D
  std::size_t observations() const { return observations_; }  // P
  bool is_linear() const { return !graph_ && pointwise_ == Pointwise::identity; }
  // The matrix [P, D] that comes before the function (not of function()): the operator itself, if
  // it is linear.
  const Tensor<double>& matrix() const { return matrix_; }
  // The components that are observed; empty for linear() and function().
  const std::vector<std::size_t>& observed_components() const { return which_; }
  std::string description() const;  // for results and fingerprints

  // out[i] = H(states[i]), out.width = P.
  void apply(ConstRows states, Rows out) const;
  Var<double> operator()(const Var<double>& states) const;  // [N, D] to [N, P]
  // The Jacobian at one state, [P, D].
  void jacobian(const double* state, double* out) const;

 private:
  std::size_t dimension_ = 0, observations_ = 0;
  std::vector<std::size_t> which_;
  Tensor<double> matrix_;
  Pointwise pointwise_ = Pointwise::identity;
  std::function<Var<double>(const Var<double>&)> graph_;
};

}  // namespace papillon::inline assimilation
