// Factorisations of dense matrices, in double, through LAPACK. On one thread: the same bits
// whatever the number of threads of the BLAS.
#pragma once

#include "papillon/tensor/linalg.hpp"

namespace papillon {

// The lower triangle L of a symmetric positive definite matrix A = L L^T [n, n]; zero above the
// diagonal. Reads the lower triangle of a. Throws ShapeError, and NumericalError that names the
// first leading minor that is not positive.
Tensor<double> cholesky(const Tensor<double>& a);

// Solves op(L) x = b for the lower triangle L [n, n] and the columns of b [n, k], or for b [n].
// Throws ShapeError, and NumericalError for a zero on the diagonal.
Tensor<double> solve_lower(const Tensor<double>& l, const Tensor<double>& b,
                           Transpose transpose = Transpose::no);

// x = A^-1 b for A = L L^T, with b of shape [n, k] or [n].
Tensor<double> solve_cholesky(const Tensor<double>& l, const Tensor<double>& b);

// A = V diag(values) V^T for a symmetric A [n, n], of which the lower triangle is read. Throws
// ShapeError, NumericalError (not finite, no convergence). The vectors take the place of a matrix
// that is moved in; besides that, 2 n^2 numbers are needed as LAPACK works.
struct SymmetricEigen {
  Tensor<double> values;   // [n], ascending
  Tensor<double> vectors;  // [n, n]; column j belongs to values[j]
};
SymmetricEigen symmetric_eigen(Tensor<double> a);

// A = U diag(s) V^T for A [m, n], with k = min(m, n) singular values. Throws ShapeError,
// NumericalError.
struct SingularValues {
  Tensor<double> u;   // [m, k]
  Tensor<double> s;   // [k], descending
  Tensor<double> vt;  // [k, n]
};
SingularValues singular_values(const Tensor<double>& a);

}  // namespace papillon
