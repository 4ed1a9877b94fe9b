// Tensor: layout, value semantics, shapes and their errors.
#include <cmath>
#include <cstdint>
#include <limits>

#include "catch.hpp"
#include "papillon/tensor/tensor.hpp"

using namespace papillon;

TEST_CASE("elements lie in row-major order, aligned to a cache line") {
  const auto m = Tensor<float>::matrix({{1, 2, 3}, {4, 5, 6}});
  CHECK(m.shape() == Shape{2, 3});
  CHECK(m.extent(-1) == 3);
  CHECK(m(1, 0) == 4);
  CHECK(m[3] == 4);
  CHECK(reinterpret_cast<std::uintptr_t>(m.data()) % 64 == 0);
  CHECK(Tensor<double>::scalar(2.5).rank() == 0);
  CHECK(Tensor<double>::scalar(2.5).item() == 2.5);
  CHECK(Tensor<double>().empty());
  CHECK(Tensor<float>(Shape{3, 0, 2}).size() == 0);
}

TEST_CASE("copies are independent, moves keep the block") {
  auto a = Tensor<float>::vector({1, 2, 3});
  auto b = a;
  b[0] = 7;
  CHECK(a[0] == 1);
  const float* block = b.data();
  const Tensor<float> c = std::move(b);
  CHECK(c.data() == block);
  CHECK(c[0] == 7);
}

TEST_CASE("reshape keeps the order of the elements") {
  const auto a = Tensor<double>({2, 6}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto b = a.reshaped({3, -1});
  CHECK(b.shape() == Shape{3, 4});
  CHECK(b(2, 1) == 9);
  CHECK(a.reshaped({-1}).shape() == Shape{12});
  CHECK(Tensor<double>::scalar(1).reshaped({1, 1}).shape() == Shape{1, 1});
  auto source = a;
  const double* block = source.data();
  CHECK(std::move(source).reshaped({4, 3}).data() == block);
  CHECK_THROWS_WITH(a.reshaped({5, -1}), contains_text("[2, 6]"));
  CHECK_THROWS_AS(a.reshaped({-1, -1}), ShapeError);
  CHECK_THROWS_AS(a.reshaped({-2, 6}), ShapeError);
}

TEST_CASE("a resize to as many elements keeps the block") {
  Tensor<float> a(Shape{4, 6});
  const float* block = a.data();
  a.resize({3, 8});
  CHECK(a.data() == block);
  CHECK(a.shape() == Shape{3, 8});
}

TEST_CASE("shapes that do not fit are refused") {
  CHECK_THROWS_AS(Tensor<float>(Shape{2, 2}, {1, 2, 3}), ShapeError);
  CHECK_THROWS_AS(Tensor<float>::matrix({{1, 2}, {3}}), ShapeError);
  CHECK_THROWS_AS(Tensor<float>(Shape{2}).item(), ShapeError);
  CHECK_THROWS_AS(Tensor<float>(Shape{2}).extent(1), ShapeError);
  CHECK_THROWS_AS(Tensor<float>(Shape{SIZE_MAX, 2}), ShapeError);
  CHECK_THROWS_AS(max_abs_difference(Tensor<float>(Shape{2}), Tensor<float>(Shape{3})), ShapeError);
}

TEST_CASE("shapes broadcast by NumPy's rule") {
  CHECK(broadcast_shapes({3, 1}, {4}, "t") == Shape{3, 4});
  CHECK(broadcast_shapes({}, {2, 3}, "t") == Shape{2, 3});
  CHECK(broadcast_shapes({0}, {1}, "t") == Shape{0});
  CHECK_THROWS_WITH(broadcast_shapes({2, 3}, {2}, "mul"),
                    contains_text("mul") && contains_text("[2, 3]") && contains_text("[2]"));
}

TEST_CASE("comparisons see NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto a = Tensor<float>::vector({1, nan}), b = Tensor<float>::vector({1, 2});
  CHECK(identical(a, a));
  CHECK_FALSE(identical(a, b));
  CHECK(std::isnan(max_abs_difference(a, b)));
  CHECK_FALSE(all_finite(a));
  CHECK(all_finite(b));
  CHECK(max_abs_difference(b, Tensor<float>::vector({1.5, 2})) == 0.5f);
  for (std::size_t i : {0, 15, 1023, 1024, 1600, 2057}) {  // anywhere, with any rest
    auto c = Tensor<float>::ones({2058});
    CHECK(all_finite(c));
    c[i] = i % 2 ? nan : -std::numeric_limits<float>::infinity();
    CHECK_FALSE(all_finite(c));
  }
}

TEST_CASE("cast rounds to the nearest float and back without loss") {
  const auto d = Tensor<double>::vector({1.0 / 3, -2, 1e-50});
  const auto f = cast<float>(d);
  CHECK(f[0] == static_cast<float>(1.0 / 3));
  CHECK(f[2] == 0);
  CHECK(identical(cast<float>(cast<double>(f)), f));
}
