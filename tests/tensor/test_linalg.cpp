// Products through BLAS against the plain loop.
#include <atomic>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/manipulate.hpp"
#include "xtensor_reference.hpp"

using namespace papillon;

namespace {
constexpr Transpose no = Transpose::no, yes = Transpose::yes;
}

TEMPLATE_TEST_CASE("gemm equals the plain loop for all transposes, factors and row distances", "",
                   float, double) {
  using T = TestType;
  struct Size {
    std::size_t m, n, k;
  };
  for (const auto& [m, n, k] : {Size{1, 1, 1}, Size{7, 5, 3}, Size{33, 17, 70}, Size{64, 3, 256}})
    for (const Transpose ta : {no, yes})
      for (const Transpose tb : {no, yes})
        for (const T alpha : {T(1), T(-0.5)})
          for (const T beta : {T(0), T(1), T(2)})
            for (const std::size_t gap : {0, 3}) {
              const auto a = wave<T>(ta == yes ? Shape{k, m} : Shape{m, k});
              const auto b = wave<T>(tb == yes ? Shape{n, k} : Shape{k, n}, 1);
              const auto c = wave<T>({m, n}, 2);
              const auto spread = [gap = gap](const Tensor<T>& x) {
                auto wide = Tensor<T>::full({x.extent(0), x.extent(1) + gap}, T(99));
                for (std::size_t i = 0; i < x.extent(0); ++i)
                  for (std::size_t j = 0; j < x.extent(1); ++j) wide(i, j) = x(i, j);
                return wide;
              };
              const auto wa = spread(a), wb = spread(b);
              auto wc = spread(c);
              gemm(ta, tb, m, n, k, alpha, wa.data(), wa.extent(1), wb.data(), wb.extent(1), beta,
                   wc.data(), wc.extent(1));
              const auto expected =
                  add(mul_scalar(matmul_reference(a, b, ta, tb), alpha), mul_scalar(c, beta));
              // k products of size up to 2.25, summed in another order.
              const T bound = T(10) * static_cast<T>(k + 4) * std::numeric_limits<T>::epsilon();
              CHECK(max_abs_difference(slice(wc, 1, 0, n), expected) <= bound);
              if (gap > 0)
                CHECK(identical(slice(wc, 1, n, n + gap), Tensor<T>::full({m, gap}, T(99))));
              if (gap > 0) continue;
              auto tc = c;
              gemm(ta, tb, alpha, a, b, beta, tc);
              CHECK(max_abs_difference(tc, expected) <= bound);
            }
}

TEMPLATE_TEST_CASE("the reference is the definition of a product", "", float, double) {
  using T = TestType;
  const auto a = Tensor<T>::matrix({{1, 2, 3}, {4, 5, 6}}),
             b = Tensor<T>::matrix({{1, 0}, {0, 2}, {1, 1}});
  const auto ab = Tensor<T>::matrix({{4, 7}, {10, 16}});
  CHECK(identical(matmul_reference(a, b), ab));
  CHECK(identical(matmul(a, b), ab));
  CHECK(identical(matmul(transpose(a), b, yes, no), ab));
  CHECK(identical(matmul_reference(transpose(a), transpose(b), yes, yes), ab));
}

TEMPLATE_TEST_CASE("extents of zero", "", float, double) {
  using T = TestType;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  CHECK(matmul(Tensor<T>(Shape{0, 3}), Tensor<T>::ones({3, 2})).shape() == Shape{0, 2});
  CHECK(matmul(Tensor<T>::ones({2, 3}), Tensor<T>(Shape{3, 0})).shape() == Shape{2, 0});
  CHECK(
      identical(matmul(Tensor<T>(Shape{2, 0}), Tensor<T>(Shape{0, 3})), Tensor<T>::zeros({2, 3})));
  auto c = Tensor<T>::full({2, 2}, 3);
  gemm(no, no, T(1), Tensor<T>(Shape{2, 0}), Tensor<T>(Shape{0, 2}), T(2), c);
  CHECK(identical(c, Tensor<T>::full({2, 2}, 6)));
  // With beta = 0 what was in c is not read, not even NaN.
  c.fill(nan);
  gemm(no, no, T(1), Tensor<T>(Shape{2, 0}), Tensor<T>(Shape{0, 2}), T(0), c);
  CHECK(identical(c, Tensor<T>::zeros({2, 2})));
  c.fill(nan);
  gemm(no, no, T(1), Tensor<T>::ones({2, 1}), Tensor<T>::ones({1, 2}), T(0), c);
  CHECK(identical(c, Tensor<T>::ones({2, 2})));
}

TEST_CASE("products that do not fit are refused") {
  const Tensor<float> a(Shape{2, 3}), v(Shape{3});
  Tensor<float> c(Shape{2, 2});
  CHECK_THROWS_WITH(matmul(a, a), contains_text("matmul") && contains_text("[2, 3]"));
  CHECK_THROWS_AS(matmul(a, v), ShapeError);
  CHECK_THROWS_AS(gemm(no, no, 1.0f, a, a, 0.0f, c), ShapeError);
  Tensor<float> wrong(Shape{3, 2});
  CHECK_THROWS_WITH(gemm(no, yes, 1.0f, a, a, 0.0f, wrong), contains_text("[2, 2]"));
  CHECK_THROWS_AS(gemm(no, no, 2, 2, 3, 1.0f, a.data(), 2, a.data(), 2, 0.0f, c.data(), 2),
                  ArgumentError);
  CHECK_THROWS_AS(
      gemm(no, no, std::size_t{1} << 40, 1, 1, 1.0f, a.data(), 1, a.data(), 1, 0.0f, c.data(), 1),
      ArgumentError);
}

TEST_CASE("the BLAS names itself, and its threads come back after the last holder") {
  CHECK_FALSE(blas_description().empty());
  const auto a = wave<float>({300, 300});
  const auto before = matmul(a, a);
  auto first = std::make_unique<SingleThreadedBlas>();
  auto second = std::make_unique<SingleThreadedBlas>();
  first.reset();
  const auto held = matmul(a, a);
  second.reset();
  const auto after = matmul(a, a);
  // A thread count may change the order of sums of 300 products of size 2.
  CHECK(max_abs_difference(before, held) < 1e-3f);
  CHECK(identical(before, after));
}

TEST_CASE("holders on many threads") {
  const auto a = wave<float>({64, 64});
  const auto expected = matmul_reference(a, a);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const SingleThreadedBlas single;
        wrong += !(max_abs_difference(matmul(a, a), expected) < 1e-4f);
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
}
