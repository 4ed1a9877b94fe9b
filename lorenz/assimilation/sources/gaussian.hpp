// Ensembles from a static covariance.
#pragma once

#include "papillon/lorenz/assimilation/ensemble_source.hpp"

namespace papillon::inline assimilation {

// background + deviation_inflation L e, e ~ N(0, I), L the Cholesky factor of the covariance C
// [D, D] (of its diagonal, if `diagonal`). The inflation multiplies the standard deviation: the
// paper's 1.82 (full) and 2.22 (diagonal). New numbers in each cycle. Throws ShapeError,
// ArgumentError, NumericalError.
SourcePointer gaussian_source(const Tensor<double>& covariance, std::size_t members,
                              double deviation_inflation = 1, bool diagonal = false);

// The 2 D sigma points background +- sqrt(D - 1/2) times the columns of L: their covariance
// (divided by 2 D - 1) is exactly deviation_inflation^2 C. For D = 3 the paper's six,
// +-sqrt(2.5) chol(C).
SourcePointer sigma_point_source(const Tensor<double>& covariance, double deviation_inflation = 1);

}  // namespace papillon::inline assimilation
