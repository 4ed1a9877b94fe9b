// Linear algebra for matrices of a few rows: no allocation, no call that costs more than the
// arithmetic. LAPACK (tensor/factorisations.hpp) is what they are tested against.
#pragma once

#include <cstddef>

namespace papillon::small {

// Rotates the rows of a [rows, width], of which the first `length` columns count, until they are
// orthogonal: one-sided Jacobi (Hestenes 1958; Demmel and Veselic 1992), a = U diag(s) V^T with s
// the norms of what the rows become and V^T their directions. Columns after `length` take part in
// the rotations only: a right-hand side b there becomes U^T b, an identity U^T. False if a number
// is not finite, 60 sweeps were not enough, or there are more than most_rows.
inline constexpr std::size_t most_rows = 64;
bool orthogonalise_rows(double* a, std::size_t rows, std::size_t length, std::size_t width);

// The lower triangle of a = L L^T in place of that of a [n, n]; false if it is not positive
// definite.
bool cholesky(double* a, std::size_t n);
// x = L^-1 b and x = L^-T b in place, for one b.
void solve_lower(const double* l, std::size_t n, double* b);
void solve_lower_transposed(const double* l, std::size_t n, double* b);

// a = V diag(values) V^T for a symmetric a [n, n], which is overwritten: cyclic Jacobi. Rows of vt
// [n, n] are the vectors. False as above.
bool symmetric_eigen(double* a, std::size_t n, double* values, double* vt);

}  // namespace papillon::small
