// Factorisations against their definitions, and against matrices whose factors are known.
#include <cmath>
#include <limits>
#include <numbers>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/factorisations.hpp"
#include "papillon/tensor/manipulate.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;

namespace {

constexpr Transpose no = Transpose::no, yes = Transpose::yes;

Tensor<double> scaled_columns(Tensor<double> a, const Tensor<double>& factors) {
  for (std::size_t i = 0; i < a.extent(0); ++i)
    for (std::size_t j = 0; j < a.extent(1); ++j) a(i, j) *= factors[j];
  return a;
}

Tensor<double> identity(std::size_t n) {
  Tensor<double> one = Tensor<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) one(i, i) = 1;
  return one;
}

// Rounding of sums over n terms of size about n.
double bound(std::size_t n) {
  return 50 * static_cast<double>(n * n) * std::numeric_limits<double>::epsilon();
}

}  // namespace

TEST_CASE("cholesky: L is a lower triangle, and L L^T the matrix") {
  for (const std::size_t n : {std::size_t{1}, std::size_t{3}, std::size_t{70}}) {
    const Tensor<double> g = random_normal<double>({n + 5, n}, {1, n});
    const Tensor<double> a = matmul(g, g, yes, no);
    const Tensor<double> l = cholesky(a);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) CHECK(l(i, j) == 0);
    CHECK(max_abs_difference(matmul(l, l, no, yes), a) < bound(n + 5));
    const Tensor<double> b = random_normal<double>({n, 4}, {2, n});
    CHECK(max_abs_difference(matmul(l, solve_lower(l, b)), b) < bound(n));
    CHECK(max_abs_difference(matmul(l, solve_lower(l, b, yes), yes), b) < bound(n));
    const Tensor<double> column = slice(b, 1, 0, 1);
    CHECK(max_abs_difference(solve_cholesky(l, column.reshaped({-1})).reshaped({-1, 1}),
                             solve_cholesky(l, column)) == 0);
  }
  // L of [[4, 2], [2, 5]] by hand.
  const Tensor<double> l = cholesky(Tensor<double>::matrix({{4, 2}, {2, 5}}));
  CHECK(max_abs_difference(l, Tensor<double>::matrix({{2, 0}, {1, 2}})) < 1e-15);
}

TEST_CASE("cholesky refuses what is not positive definite, and says where") {
  CHECK_THROWS_AS(cholesky(Tensor<double>::zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(cholesky(Tensor<double>::matrix({{1, 2}, {2, 1}})), NumericalError);
  CHECK_THROWS_WITH(cholesky(Tensor<double>::matrix({{1, 1}, {1, 1}})),
                    contains_text("leading minor 2"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(cholesky(Tensor<double>::matrix({{nan, 0}, {0, 1}})), NumericalError);
  CHECK_THROWS_AS(solve_lower(Tensor<double>::matrix({{1, 0}, {1, 0}}), Tensor<double>::ones({2})),
                  NumericalError);
  CHECK_THROWS_AS(solve_lower(identity(2), Tensor<double>::ones({3})), ShapeError);
}

TEST_CASE("symmetric_eigen: orthogonal vectors and ascending values that give the matrix back") {
  for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{60}}) {
    const Tensor<double> g = random_normal<double>({n, n}, {3, n});
    const Tensor<double> a = add(g, transpose(g));
    const SymmetricEigen e = symmetric_eigen(a);
    for (std::size_t j = 1; j < n; ++j) CHECK(e.values[j - 1] <= e.values[j]);
    CHECK(max_abs_difference(matmul(e.vectors, e.vectors, yes, no), identity(n)) < bound(n));
    CHECK(max_abs_difference(matmul(scaled_columns(e.vectors, e.values), e.vectors, no, yes), a) <
          bound(n));
  }
}

TEST_CASE("symmetric_eigen: the second difference has eigenvalues 2 - 2 cos(k pi / (n + 1))") {
  constexpr std::size_t n = 25;
  Tensor<double> a = Tensor<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i > 0) a(i, i - 1) = -1;  // the upper triangle is not read
  }
  const SymmetricEigen e = symmetric_eigen(a);
  for (std::size_t k = 1; k <= n; ++k)
    CHECK(std::abs(e.values[k - 1] - (2 - 2 * std::cos(std::numbers::pi * static_cast<double>(k) /
                                                       (n + 1)))) < 1e-13);
}

TEST_CASE("singular_values: orthogonal factors and descending values that give the matrix back") {
  for (const auto& [m, n] :
       {std::pair<std::size_t, std::size_t>{1, 1}, {3, 12}, {12, 3}, {40, 40}}) {
    const Tensor<double> a = random_normal<double>({m, n}, {4, m});
    const SingularValues f = singular_values(a);
    const std::size_t k = std::min(m, n);
    REQUIRE(f.u.shape() == Shape{m, k});
    REQUIRE(f.vt.shape() == Shape{k, n});
    for (std::size_t j = 1; j < k; ++j) CHECK(f.s[j - 1] >= f.s[j]);
    CHECK(max_abs_difference(matmul(f.u, f.u, yes, no), identity(k)) < bound(m));
    CHECK(max_abs_difference(matmul(f.vt, f.vt, no, yes), identity(k)) < bound(n));
    CHECK(max_abs_difference(matmul(scaled_columns(f.u, f.s), f.vt), a) < bound(m + n));
  }
  CHECK_THROWS_AS(singular_values(Tensor<double>::ones({3})), ShapeError);
  CHECK_THROWS_AS(
      singular_values(Tensor<double>::full({2, 2}, std::numeric_limits<double>::infinity())),
      NumericalError);
}

TEMPLATE_TEST_CASE("syrk is the lower triangle of gemm(A^T, A)", "", float, double) {
  using T = TestType;
  for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{37}}) {
    constexpr std::size_t n = 21;
    const Tensor<T> a = random_normal<T>({k, n}, {5, k});
    const Tensor<T> start = random_normal<T>({n, n}, {6, k});
    Tensor<T> c = start, whole = start;
    syrk(n, k, T(0.5), a.data(), n, T(2), c.data(), n);
    gemm(yes, no, T(0.5), a, a, T(2), whole);
    // Sums of k + 1 terms of size up to about 9.
    const T tolerance = T(10) * static_cast<T>(k + 2) * std::numeric_limits<T>::epsilon();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        CHECK(std::abs(c(i, j) - (j <= i ? whole(i, j) : start(i, j))) <= (j <= i ? tolerance : 0));
  }
  Tensor<T> c = Tensor<T>::zeros({2, 2});
  CHECK_THROWS_AS(syrk(2, 2, T(1), c.data(), 1, T(0), c.data(), 2), ArgumentError);
}
