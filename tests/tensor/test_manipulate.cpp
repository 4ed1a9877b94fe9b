// Functions that move elements, against xtensor and against their adjoints.
#include <cstdint>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/manipulate.hpp"
#include "papillon/tensor/reduce.hpp"
#include "xtensor_reference.hpp"

using namespace papillon;

TEMPLATE_TEST_CASE("transpose permutes the axes", "", float, double) {
  using T = TestType;
  for (const Shape& shape : {Shape{3, 4}, Shape{40, 37}, Shape{1, 5}, Shape{0, 5}}) {
    const auto x = wave<T>(shape);
    CHECK(identical(transpose(x), evaluated<T>(xt::transpose(x.array()))));
    CHECK(identical(transpose(transpose(x)), x));
    CHECK(identical(transpose(x, {0, 1}), x));
  }
  const auto x = wave<T>({2, 3, 4, 5});
  for (const std::vector<std::size_t>& axes : std::vector<std::vector<std::size_t>>{
           {0, 1, 2, 3}, {3, 2, 1, 0}, {1, 0, 2, 3}, {2, 3, 0, 1}, {0, 2, 3, 1}})
    CHECK(identical(transpose(x, axes), evaluated<T>(xt::transpose(x.array(), axes))));
  CHECK(identical(transpose(x), transpose(x, {3, 2, 1, 0})));
  CHECK(transpose(Tensor<T>::scalar(3)).item() == 3);
  CHECK_THROWS_AS(transpose(x, {0, 1, 2}), ShapeError);
  CHECK_THROWS_AS(transpose(x, {0, 1, 2, 2}), ShapeError);
  CHECK_THROWS_WITH(transpose(x, {0, 1, 2, 4}), contains_text("[2, 3, 4, 5]"));
}

TEMPLATE_TEST_CASE("concatenate joins, slice takes apart", "", float, double) {
  using T = TestType;
  for (const std::ptrdiff_t axis : {0, 1, 2, -1, -3}) {
    const auto a = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    Shape sa{2, 3, 4}, sb = sa, sc = sa;
    sb[a] = 5;
    sc[a] = 0;
    const auto x = wave<T>(sa), y = wave<T>(sb, 1), none = wave<T>(sc);
    const auto joined = concatenate<T>({x, none, y}, axis);
    CHECK(identical(joined, evaluated<T>(xt::concatenate(xt::xtuple(x.array(), y.array()), a))));
    CHECK(identical(slice(joined, axis, 0, sa[a]), x));
    CHECK(identical(slice(joined, axis, sa[a], sa[a] + 5), y));
    CHECK(slice(joined, axis, 2, 2).size() == 0);
    // slice_add is the adjoint of slice: <slice x, y> = <x, slice_add y>.
    auto back = Tensor<T>::zeros(joined.shape());
    slice_add(back, axis, sa[a], y);
    CHECK(static_cast<double>(sum(mul(back, joined)).item()) ==
          Approx(static_cast<double>(sum(mul(y, y)).item())).epsilon(1e-5));
    CHECK(identical(slice(back, axis, 0, sa[a]), Tensor<T>::zeros(sa)));
  }
}

TEST_CASE("parts that do not fit are refused") {
  const Tensor<float> x(Shape{2, 3}), y(Shape{2, 4}), v(Shape{3});
  CHECK_THROWS_WITH(concatenate<float>({x, y}, 0), contains_text("concatenate") &&
                                                       contains_text("[2, 3]") &&
                                                       contains_text("[2, 4]"));
  CHECK_THROWS_AS(concatenate<float>({x, v}, 0), ShapeError);
  CHECK_THROWS_AS(concatenate<float>({}, 0), ShapeError);
  CHECK_THROWS_AS(concatenate<float>({x, x}, 2), ShapeError);
  CHECK_THROWS_WITH(slice(x, 1, 1, 4), contains_text("slice") && contains_text("[2, 3]"));
  CHECK_THROWS_AS(slice(x, 1, 2, 1), ShapeError);
  auto z = x;
  CHECK_THROWS_WITH(slice_add(z, 1, 1, x), contains_text("slice_add"));
  CHECK_THROWS_AS(slice_add(z, 1, 0, v), ShapeError);
  CHECK_THROWS_AS(slice_add(z, 0, 0, y), ShapeError);
}

TEMPLATE_TEST_CASE("gather_rows picks, scatter_add_rows is its adjoint", "", float, double) {
  using T = TestType;
  const std::vector<std::int64_t> indices{4, 0, 4, 2, 2, 2};
  for (const Shape& tail : {Shape{}, Shape{3}, Shape{2, 2}}) {
    Shape shape{5}, picked{indices.size()};
    for (const std::size_t e : tail) {
      shape.push_back(e);
      picked.push_back(e);
    }
    const auto x = wave<T>(shape), w = wave<T>(picked, 1);
    const auto rows = gather_rows(x, std::span(indices));
    REQUIRE(rows.shape() == picked);
    for (std::size_t i = 0; i < indices.size(); ++i)
      CHECK(identical(slice(rows, 0, i, i + 1), slice(x, 0, static_cast<std::size_t>(indices[i]),
                                                      static_cast<std::size_t>(indices[i]) + 1)));
    auto back = Tensor<T>::zeros(shape);
    scatter_add_rows(back, std::span(indices), w);
    CHECK(static_cast<double>(sum(mul(rows, w)).item()) ==
          Approx(static_cast<double>(sum(mul(x, back)).item())).margin(1e-5));
  }
}

TEST_CASE("rows out of range are refused, and nothing is changed") {
  const auto x = wave<float>({3, 2});
  const std::vector<std::int64_t> high{0, 3}, low{0, -1}, none;
  CHECK_THROWS_WITH(gather_rows(x, std::span(high)),
                    contains_text("gather_rows") && contains_text("3"));
  CHECK_THROWS_AS(gather_rows(x, std::span(low)), ShapeError);
  CHECK_THROWS_AS(gather_rows(Tensor<float>::scalar(1), std::span(none)), ShapeError);
  CHECK(gather_rows(x, std::span(none)).shape() == Shape{0, 2});
  auto y = x;
  CHECK_THROWS_AS(scatter_add_rows(y, std::span(high), wave<float>({2, 2})), ShapeError);
  CHECK_THROWS_AS(scatter_add_rows(y, std::span(low), wave<float>({2, 3})), ShapeError);
  CHECK(identical(x, y));
}
