// Products of rows with weights: the right numbers, and the same bits for a row wherever it stands.
#include <cmath>

#include "catch.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/row_products.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// Around the widths of panels, registers and blocks, and well beyond them.
const std::vector<std::size_t> extents = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 256};

template <class T>
Tensor<T> rows_of(const Tensor<T>& x, std::size_t first, std::size_t n) {
  return {Shape{n, x.extent(1)}, x.span().subspan(first * x.extent(1), n * x.extent(1))};
}

}  // namespace

TEMPLATE_TEST_CASE("row products: equal the plain loop's", "[row_products]", float, double) {
  using T = TestType;
  // Chains of k multiply-adds in another order: at most k units in the last place of their sum.
  const double unit = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const std::size_t outputs : extents)
    for (const std::size_t inputs : {1, 3, 17, 256, 511, 512, 513, 1100}) {
      CAPTURE(outputs, inputs);
      const auto x = random_uniform<T>({13, inputs}, {1, outputs}, -1, 1),
                 w = random_uniform<T>({outputs, inputs}, {2, inputs}, -1, 1);
      const Tensor<T> wanted = matmul_reference(x, w, Transpose::no, Transpose::yes);
      const RowWeights<T> weights = row_weights(w);
      const double tolerance = unit * static_cast<double>(inputs);
      CHECK(static_cast<double>(max_abs_difference(row_products(x, weights), wanted)) <= tolerance);
      Tensor<T> sum = wanted;
      weights.product(13, x.data(), inputs, sum.data(), outputs, true);
      for (T& v : sum) v /= 2;
      CHECK(static_cast<double>(max_abs_difference(sum, wanted)) <= tolerance);
    }
}

TEMPLATE_TEST_CASE("row products: a row's bits depend on that row alone", "[row_products]", float,
                   double) {
  using T = TestType;
  for (const std::size_t outputs : extents)
    for (const std::size_t inputs : {3, 256, 700}) {
      CAPTURE(outputs, inputs);
      const RowWeights<T> weights = row_weights(random_normal<T>({outputs, inputs}, {2, inputs}));
      const auto x = random_normal<T>({60, inputs}, {1, outputs});
      const Tensor<T> all = row_products(x, weights);
      for (const std::size_t n : {1, 2, 3, 5, 8, 12, 13, 29})
        for (std::size_t first = 0; first + n <= 60; first += n)
          REQUIRE(identical(row_products(rows_of(x, first, n), weights), rows_of(all, first, n)));
    }
}

TEST_CASE("row products: every position in tiles of every size has the same bits",
          "[row_products]") {
  const RowWeights<float> weights = row_weights(random_normal<float>({256, 256}, {2, 0}));
  const auto row = random_normal<float>({1, 256}, {1, 0});
  const Tensor<float> alone = row_products(row, weights);
  for (const std::size_t n : {2, 7, 64, 255, 256, 257, 600}) {
    Tensor<float> x(Shape{n, 256});
    for (std::size_t i = 0; i < n; ++i) std::copy(row.begin(), row.end(), &x(i, 0));
    for (const std::size_t threads : {1, 2, 5}) {
      set_thread_count(threads);
      const Tensor<float> y = row_products(x, weights);
      for (std::size_t i = 0; i < n; ++i) REQUIRE(identical(rows_of(y, i, 1), alone));
    }
  }
  set_thread_count(0);
}

TEST_CASE("row products: rows may lie apart, and what is between stays", "[row_products]") {
  const auto w = random_normal<double>({5, 4}, {2, 0}), x = random_normal<double>({3, 10}, {1, 0});
  RowWeights<double> weights;
  weights.set(2, 4, w.data() + 4, 8);  // rows 1 and 3 of w
  auto y = Tensor<double>::full({3, 7}, 9);
  weights.product(3, x.data(), 10, y.data(), 7);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 7; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 4; ++k)
        sum += x(i, k) * w(1 + 2 * std::min<std::size_t>(j, 1), k);
      CHECK(y(i, j) == (j < 2 ? Approx(sum) : Approx(9.0).margin(0)));
    }
}

TEST_CASE("row products: nothing in, nothing out, and misuse is named", "[row_products]") {
  const RowWeights<double> none = row_weights(Tensor<double>(Shape{2, 0}));
  CHECK(identical(row_products(Tensor<double>(Shape{3, 0}), none), Tensor<double>::zeros({3, 2})));
  const RowWeights<double> weights = row_weights(Tensor<double>::ones({2, 3}));
  CHECK(row_products(Tensor<double>(Shape{0, 3}), weights).shape() == Shape{0, 2});
  CHECK_THROWS_AS(row_products(Tensor<double>::ones({4, 2}), weights), ShapeError);
  CHECK_THROWS_AS(row_weights(Tensor<double>::ones({4})), ShapeError);
  CHECK_THROWS_AS(RowWeights<double>().set(2, 3, nullptr, 2), ArgumentError);
}
