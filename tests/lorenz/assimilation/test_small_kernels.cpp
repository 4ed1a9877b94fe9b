// Small kernels against LAPACK, and the memory they work in.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/observed_ensemble.hpp"
#include "papillon/tensor/internal/small_kernels.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

// Some 100 units in the last place of the largest number: what n rotations leave.
constexpr double rounding = 1e-13;

std::vector<double> sorted_row_norms(const Matrix& a, std::size_t length) {
  std::vector<double> s;
  for (std::size_t i = 0; i < a.extent(0); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < length; ++j) sum += a(i, j) * a(i, j);
    s.push_back(std::sqrt(sum));
  }
  std::sort(s.rbegin(), s.rend());
  return s;
}

}  // namespace

TEST_CASE("one-sided Jacobi has LAPACK's singular values and carries U^T along", "[assimilation]") {
  for (const auto& [rows, length] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {3, 12}, {3, 3}, {7, 20}, {24, 40}, {5, 2}}) {
    const Matrix a = random_normal<double>({rows, length}, {rows, length});
    Matrix work = Matrix::zeros({rows, length + rows});
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < length; ++j) work(i, j) = a(i, j);
      work(i, length + i) = 1;
    }
    REQUIRE(small::orthogonalise_rows(work.data(), rows, length, length + rows));
    const SingularValues expected = singular_values(a);
    const std::vector<double> s = sorted_row_norms(work, length);
    for (std::size_t k = 0; k < std::min(rows, length); ++k)
      CHECK(s[k] == Approx(expected.s[k]).margin(rounding * expected.s[0]));
    // What was carried is orthogonal and takes a to what the rows became.
    Matrix u(Shape{rows, rows}), became(Shape{rows, length});
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < rows; ++j) u(i, j) = work(i, length + j);
      for (std::size_t j = 0; j < length; ++j) became(i, j) = work(i, j);
    }
    Matrix unit = times(u, transpose(u));
    for (std::size_t i = 0; i < rows; ++i) unit(i, i) -= 1;
    CHECK(largest_difference(unit, Matrix::zeros({rows, rows})) < rounding);
    CHECK(largest_difference(times(u, a), became) < 10 * rounding);
    const Matrix gram = times(became, transpose(became));
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < i; ++j)
        CHECK(std::abs(gram(i, j)) < rounding * expected.s[0] * expected.s[0]);
  }
}

TEST_CASE("one-sided Jacobi on dependent rows and on what is not finite", "[assimilation]") {
  // Rows that sum to zero, as anomalies do: one singular value is rounding.
  Matrix a = random_normal<double>({4, 9}, {1, 2});
  for (std::size_t j = 0; j < 9; ++j) a(3, j) = -a(0, j) - a(1, j) - a(2, j);
  REQUIRE(small::orthogonalise_rows(a.data(), 4, 9, 9));
  const std::vector<double> s = sorted_row_norms(a, 9);
  CHECK(s[3] < rounding * s[0]);
  CHECK(s[2] > 0.01 * s[0]);
  Matrix zero = Matrix::zeros({3, 5});
  CHECK(small::orthogonalise_rows(zero.data(), 3, 5, 5));
  zero(1, 1) = std::nan("");
  zero(0, 1) = 1;
  CHECK_FALSE(small::orthogonalise_rows(zero.data(), 3, 5, 5));
}

TEST_CASE("small Cholesky and eigenvalues agree with LAPACK", "[assimilation]") {
  for (const std::size_t n : {1, 2, 3, 8, 23}) {
    const Matrix c = some_covariance(n, n);
    const double size = symmetric_eigen(c).values[n - 1];
    Matrix l = c;
    REQUIRE(small::cholesky(l.data(), n));
    const Matrix expected = cholesky(c);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j)
        CHECK(l(i, j) == Approx(expected(i, j)).margin(rounding * size));
    Matrix b = random_normal<double>({n}, {n, 3});
    const Matrix x = solve_cholesky(expected, b);
    small::solve_lower(l.data(), n, b.data());
    small::solve_lower_transposed(l.data(), n, b.data());
    // The condition number is at most size / 0.5.
    CHECK(largest_difference(b, x) < 100 * rounding * size);

    Matrix a = c, values(Shape{n}), vt(Shape{n, n});
    REQUIRE(small::symmetric_eigen(a.data(), n, values.data(), vt.data()));
    Matrix back = Matrix::zeros({n, n});
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) back(i, j) += values[k] * vt(k, i) * vt(k, j);
    CHECK(largest_difference(back, c) < 10 * rounding * size);
    std::sort(values.begin(), values.end());
    CHECK(largest_difference(values, symmetric_eigen(c).values) < 10 * rounding * size);
  }
  Matrix indefinite = Matrix::matrix({{1, 2}, {2, 1}});
  CHECK_FALSE(small::cholesky(indefinite.data(), 2));
}

TEST_CASE("the spectrum of an ensemble is that of its normalised anomalies", "[assimilation]") {
  for (const auto& [members, p] : {std::pair<std::size_t, std::size_t>{12, 3}, {4, 9}}) {
    Matrix y = some_ensemble(members, p, members);
    const Gaussian of = moments(y);
    for (std::size_t m = 0; m < members; ++m)
      for (std::size_t i = 0; i < p; ++i) y(m, i) -= of.mean[i];
    Matrix d = random_normal<double>({2, p}, {3, p});
    Arena memory;
    const Spectrum spectrum = decompose(rows_of(y), rows_of(d), memory);
    REQUIRE(spectrum.rank == std::min(p, members - 1));
    // sum_k s_k v_k (a_k . d) is S^T d.
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t m = 0; m < members; ++m) {
        double sum = 0, expected = 0;
        for (std::size_t k = 0; k < spectrum.rank; ++k)
          sum += spectrum.s[k] * spectrum.v[k][m] * spectrum.projections[k][n];
        for (std::size_t i = 0; i < p; ++i)
          expected += y(m, i) * d(n, i) / std::sqrt(static_cast<double>(members) - 1);
        CHECK(sum == Approx(expected).margin(1e-12));
      }
  }
}

TEST_CASE("a rotation of anomalies keeps mean and covariance, and is another in each cycle",
          "[assimilation]") {
  for (const std::size_t members : {2, 3, 12}) {
    const Matrix before = some_ensemble(members, 4, members);
    const auto rotated = [&](std::uint64_t cycle) {
      Arena memory;
      Matrix x = before;
      const MeanAndAnomalies parts = split_mean(rows_of(x), memory);
      rotate_anomalies(parts.anomalies, {5, 1, cycle}, memory);
      join_mean(parts, rows_of(x));
      return x;
    };
    const Matrix after = rotated(7);
    const Gaussian a = moments(before), b = moments(after);
    CHECK(largest_difference(a.mean, b.mean) < 1e-12);
    CHECK(largest_difference(a.covariance, b.covariance) < 1e-11);
    CHECK(identical(after, rotated(7)));
    if (members > 2) {  // two members have but one rotation and its opposite
      CHECK(largest_difference(after, before) > 0.01);
      CHECK(largest_difference(after, rotated(8)) > 0.01);
    }
  }
}

TEST_CASE("scratch memory stays where it is until its frame ends", "[assimilation]") {
  Arena memory;
  double* first = memory.take(3);
  first[0] = 1;
  double* inside = nullptr;
  {
    const Arena::Scope frame(memory);
    inside = memory.take(5);
    double* large = memory.zeros(100000);  // another block
    CHECK(large[99999] == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(large) % 64 == 0);
    CHECK(first[0] == 1);
  }
  CHECK(memory.take(5) == inside);
  memory.clear();
  CHECK(memory.take(3) == first);
}
