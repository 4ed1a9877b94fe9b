#include "papillon/tensor/factorisations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

// The routines of LAPACK that are used, in its Fortran interface, which every LAPACK has.
extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dtrtrs_(const char* uplo, const char* trans, const char* diag, const int* n, const int* nrhs,
             const double* a, const int* lda, double* b, const int* ldb, int* info, std::size_t,
             std::size_t, std::size_t);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info, std::size_t,
             std::size_t);
void dgesdd_(const char* jobz, const int* m, const int* n, double* a, const int* lda, double* s,
             double* u, const int* ldu, double* vt, const int* ldvt, double* work, const int* lwork,
             int* iwork, int* info, std::size_t);
}

namespace papillon {
namespace {

// LAPACK stores columns one after the other: what it sees is the transpose of a row-major matrix,
// and its upper triangle is our lower one.

// Beyond it the 1 + 6 n + 2 n^2 numbers of dsyevd's workspace are no int.
constexpr std::size_t most_extent = 32766;

int lapack_int(const char* op, std::size_t n) {
  if (n > most_extent)
    throw ArgumentError(fmt::format("{}: extent {} is above {}", op, n, most_extent));
  return static_cast<int>(n);
}

int square_extent(const char* op, const Tensor<double>& a) {
  if (a.rank() != 2 || a.shape()[0] != a.shape()[1])
    throw ShapeError(fmt::format("{}: shape {} is not a square matrix", op, to_string(a.shape())));
  return lapack_int(op, a.shape()[0]);
}

void check_finite(const char* op, const Tensor<double>& a) {
  if (!all_finite(a))
    throw NumericalError(fmt::format("{}: the matrix holds a value that is not finite", op));
}

Tensor<double> transposed(const Tensor<double>& a) {
  const std::size_t m = a.shape()[0], n = a.shape()[1];
  Tensor<double> out(Shape{n, m});
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) out(j, i) = a(i, j);
  return out;
}

}  // namespace

Tensor<double> cholesky(const Tensor<double>& a) {
  const int n = square_extent("cholesky", a);
  Tensor<double> l = a;
  if (n == 0) return l;
  const SingleThreadedBlas guard;
  int info = 0;
  dpotrf_("U", &n, l.data(), &n, &info, 1);
  // A NaN passes through LAPACK's comparisons in some versions.
  for (int i = 0; info == 0 && i < n; ++i)
    if (!(l(i, i) > 0)) info = i + 1;
  if (info != 0)
    throw NumericalError(fmt::format(
        "cholesky: the matrix [{}, {}] is not positive definite (leading minor {})", n, n, info));
  for (std::size_t i = 0; i < l.extent(0); ++i)
    std::fill(&l(i, i) + 1, l.data() + (i + 1) * l.extent(0), 0.0);
  return l;
}

Tensor<double> solve_lower(const Tensor<double>& l, const Tensor<double>& b, Transpose transpose) {
  const int n = square_extent("solve_lower", l);
  if (b.rank() < 1 || b.rank() > 2 || b.shape()[0] != l.shape()[0])
    throw_shape_error("solve_lower", l.shape(), b.shape(), "do not fit");
  if (b.empty()) return b;
  const bool vector = b.rank() == 1;
  const int columns = vector ? 1 : lapack_int("solve_lower", b.shape()[1]);
  Tensor<double> x = vector ? b : transposed(b);
  const SingleThreadedBlas guard;
  int info = 0;
  dtrtrs_("U", transpose == Transpose::yes ? "N" : "T", "N", &n, &columns, l.data(), &n, x.data(),
          &n, &info, 1, 1, 1);
  if (info != 0)
    throw NumericalError(
        fmt::format("solve_lower: the matrix is singular (zero at diagonal {})", info - 1));
  return vector ? x : transposed(x);
}

Tensor<double> solve_cholesky(const Tensor<double>& l, const Tensor<double>& b) {
  return solve_lower(l, solve_lower(l, b), Transpose::yes);
}

SymmetricEigen symmetric_eigen(Tensor<double> a) {
  const int n = square_extent("symmetric_eigen", a);
  check_finite("symmetric_eigen", a);
  SymmetricEigen result{Tensor<double>(Shape{a.shape()[0]}), std::move(a)};
  if (n == 0) return result;
  const SingleThreadedBlas guard;
  int info = 0, query = -1, integers = 0;
  double size = 0;
  double* v = result.vectors.data();
  double* w = result.values.data();
  dsyevd_("V", "U", &n, v, &n, w, &size, &query, &integers, &query, &info, 1, 1);
  const int length = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(length));
  std::vector<int> more_work(static_cast<std::size_t>(integers));
  dsyevd_("V", "U", &n, v, &n, w, work.data(), &length, more_work.data(), &integers, &info, 1, 1);
  if (info != 0)
    throw NumericalError(fmt::format("symmetric_eigen: no convergence ({} of {})", info, n));
  for (std::size_t i = 0; i < result.vectors.extent(0); ++i)
    for (std::size_t j = 0; j < i; ++j) std::swap(result.vectors(i, j), result.vectors(j, i));
  return result;
}

SingularValues singular_values(const Tensor<double>& a) {
  if (a.rank() != 2)
    throw ShapeError("singular_values: shape " + to_string(a.shape()) + " is not a matrix");
  const std::size_t rows = a.shape()[0], columns = a.shape()[1], least = std::min(rows, columns);
  SingularValues result{Tensor<double>(Shape{rows, least}), Tensor<double>(Shape{least}),
                        Tensor<double>(Shape{least, columns})};
  if (least == 0) return result;
  check_finite("singular_values", a);
  // What LAPACK sees is A^T = V S U^T: its left vectors are our right ones.
  const int m = lapack_int("singular_values", columns), n = lapack_int("singular_values", rows),
            k = static_cast<int>(least);
  Tensor<double> copy = a;
  const SingleThreadedBlas guard;
  int info = 0, query = -1;
  double size = 0;
  std::vector<int> integers(8 * least);
  dgesdd_("S", &m, &n, copy.data(), &m, result.s.data(), result.vt.data(), &m, result.u.data(), &k,
          &size, &query, integers.data(), &info, 1);
  const int length = static_cast<int>(size);
  std::vector<double> work(static_cast<std::size_t>(length));
  dgesdd_("S", &m, &n, copy.data(), &m, result.s.data(), result.vt.data(), &m, result.u.data(), &k,
          work.data(), &length, integers.data(), &info, 1);
  if (info != 0) throw NumericalError("singular_values: no convergence");
  return result;
}

}  // namespace papillon
