// Checks and factors of covariances of errors, backgrounds and noise.
#pragma once

#include <string>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline assimilation {

// The lower triangle L of C = L L^T [n, n], times a factor of the standard deviation. Throws
// ShapeError, ArgumentError if C is not finite or not symmetric (to rounding), NumericalError if it
// is not positive definite; messages begin with `what` ("3D-Var: B").
Tensor<double> covariance_factor(const Tensor<double>& covariance, const std::string& what,
                                 double deviation_inflation = 1);

}  // namespace papillon::inline assimilation
