// At the edge of its domain, every op has the derivatives that docs/edge-cases.md says.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "edge_cases.hpp"
#include "papillon/autograd/gradcheck/op_samples.hpp"

using namespace papillon;

namespace {

const std::function<Var<float>(const Var<float>&)>& in_precision(const EdgeFunction& f, float) {
  return f.single;
}
const std::function<Var<double>(const Var<double>&)>& in_precision(const EdgeFunction& f, double) {
  return f.full;
}

// Numbers are small, so that a few roundings are a few epsilon.
template <class T>
bool same(T a, double b) {
  if (std::isnan(b)) return std::isnan(a);
  if (std::isinf(b)) return a == T(b);
  return std::abs(a - T(b)) <= 8 * std::numeric_limits<T>::epsilon() * (1 + std::abs(T(b)));
}

}  // namespace

TEMPLATE_TEST_CASE("first and second derivatives at the edges are those of the table", "[edges]",
                   float, double) {
  using V = Var<TestType>;
  const auto one = [](const V& like) { return V(Tensor<TestType>::ones(like.shape())); };
  for (const EdgeTable& table : edge_tables()) {
    for (const EdgeCase& c : table.cases) {
      INFO(table.op << ": " << table.text << " at " << c.x);
      const V x = V::parameter(Tensor<TestType>::scalar(TestType(c.x)));
      const V y = sum(in_precision(table.f, TestType())(x));
      CHECK(same(y.item(), c.value));
      const V by_vjp = gradient(y, {x}, true)[0], by_jvp = jvp(y, {x}, {one(x)}, true);
      CHECK(same(by_vjp.item(), c.first));
      CHECK(same(by_jvp.item(), c.first));
      CHECK(same(gradient(by_vjp, {x})[0].item(), c.second));
      CHECK(same(gradient(by_jvp, {x})[0].item(), c.second));
      CHECK(same(jvp(by_vjp, {x}, {one(x)}).item(), c.second));
      CHECK(same(jvp(by_jvp, {x}, {one(x)}).item(), c.second));
      CHECK(same(gradient(y, {x})[0].item(), c.first));  // unrecorded
    }
  }
}

TEMPLATE_TEST_CASE("what a loss does not use has no part in its derivatives", "[edges]", float,
                   double) {
  using V = Var<TestType>;
  const auto number = [](double v) { return Tensor<TestType>::scalar(TestType(v)); };
  for (const EdgeTable& table : edge_tables()) {
    for (const EdgeCase& c : table.cases) {
      INFO(table.op << ": " << table.text << " at " << c.x);
      const V x = V::parameter(number(c.x)), other = V::parameter(number(3));
      const V y = reshape(in_precision(table.f, TestType())(x), {1});
      CHECK(vjp(y, {x}, V(Tensor<TestType>::zeros({1})))[0].item() == 0);
      CHECK(jvp(y, {x}, {V(number(0))}).item() == 0);
      const V loss = sum(slice(concatenate<TestType>({reshape(x, {1}), y}, 0), 0, 0, 1));
      const V slope = gradient(loss, {x}, true)[0];
      CHECK(slope.item() == 1);
      CHECK(gradient(slope, {x})[0].item() == 0);
      CHECK(hessian_vector_product(loss, {x}, {V(number(1))})[0].item() == 0);
      // The edge shares a parameter with the element that is used, and is cut off by a mask.
      const V shared = in_precision(table.f, TestType())(x + 0 * other);
      CHECK(vjp(reshape(shared, {1}), {other}, V(Tensor<TestType>::zeros({1})))[0].item() == 0);
    }
  }
}

TEMPLATE_TEST_CASE("a masked row leaves the gradients of what it shares alone", "[edges]", float,
                   double) {
  using V = Var<TestType>;
  using D = Tensor<TestType>;
  const TestType inf = std::numeric_limits<TestType>::infinity(), nan = inf - inf;
  const auto used = [](const V& y) { return sum(slice(y, 0, 0, 1) * 3); };  // the first row
  const std::function<V(const V&, const V&)> models[] = {
      [](const V& w, const V& x) {
        return reshape(log_sum_exp(w + x, -1), {-1, 1});
      },
      [](const V& w, const V& x) { return pow(softmax(w + x, -1), 2); },
      [](const V& w, const V& x) { return layer_norm(w * x); },
      [](const V& w, const V& x) { return layer_norm(x, 0) * w; },
      [](const V& w, const V& x) {
        return tanh(matmul(x, reshape(w, {2, 1})));
      },
      [](const V& w, const V& x) {
        return matmul(x, reshape(w, {1, 2}), Transpose::no, Transpose::yes);
      },
      [](const V& w, const V& x) { return sqrt(w * x) / x; },
      [](const V& w, const V& x) { return log(pow(x, w)) + maximum(w, x) * clip(w * x, -2, 2); }};
  const D first = D::matrix({{1, 2}});
  for (const auto& model : models) {
    for (const D& second :
         {D::matrix({{0, 0}}), D::matrix({{-inf, -inf}}), D::matrix({{inf, 1}}),
          D::matrix({{inf, inf}}), D::matrix({{nan, 1}}), D::matrix({{0, inf}})}) {
      const V w = V::parameter(D::vector({0.5, 0.25}));
      const V v(D::vector({1, -2}));
      const V x(first), both = concatenate<TestType>({x, V(second)}, 0);
      INFO("model " << &model - models << ", row " << second[0] << " " << second[1]);
      const auto close = [](const V& a, const V& b) {
        return max_abs_difference(a.value(), b.value()) <=
               100 * std::numeric_limits<TestType>::epsilon();
      };
      CHECK(close(gradient(used(model(w, both)), {w})[0], gradient(used(model(w, x)), {w})[0]));
      CHECK(close(hessian_vector_product(used(model(w, both)), {w}, {v})[0],
                  hessian_vector_product(used(model(w, x)), {w}, {v})[0]));
    }
  }
}

TEST_CASE("the norm has the gradient zero at zero", "[edges]") {
  using V = Var<double>;
  const V x = V::parameter(Tensor<double>::zeros({3}));
  CHECK(identical(gradient(sqrt(sum(x * x)), {x})[0].value(), Tensor<double>::zeros({3})));
}

TEST_CASE("sums and means over nothing", "[edges]") {
  using V = Var<double>;
  const V x = V::parameter(Tensor<double>(Shape{2, 0}));
  const V y = sum(x, {1});
  CHECK(identical(y.value(), Tensor<double>::zeros({2})));
  CHECK(gradient(sum(y * y), {x})[0].shape() == Shape{2, 0});
  CHECK(identical(jvp(y, {x}, {x.detach()}).value(), Tensor<double>::zeros({2})));
  CHECK_THROWS_AS(mean(x), ShapeError);  // 0 / 0
  CHECK_THROWS_AS(log_sum_exp(x, 1), ShapeError);
  CHECK_THROWS_AS(softmax(x, 1), ShapeError);
}

TEST_CASE("outside of derivatives, products are those of IEEE 754", "[edges]") {
  using V = Var<double>;
  const double inf = std::numeric_limits<double>::infinity();
  const V x = V::parameter(Tensor<double>::matrix({{0}}));
  const auto check = [&] {
    CHECK(std::isnan((x * inf).value()[0]));
    CHECK(std::isnan((x / 0).value()[0]));
    CHECK(std::isnan(matmul(x, V(Tensor<double>::matrix({{inf}}))).value()[0]));
  };
  check();
  gradient(sum(x * inf), {x});
  CHECK_THROWS(jvp(x, {x}, {V(1.0)}));
  check();
}

TEST_CASE("every op stands in the table of edges", "[edges]") {
  std::set<std::string> there;
  for (const EdgeTable& table : edge_tables()) there.insert(table.op);
  for (const GradcheckSample& sample : gradcheck_samples()) {
    INFO(sample.op);
    CHECK(there.count(sample.op) == 1);
  }
}

TEST_CASE("the table in the documentation is the one that is tested", "[edges]") {
  const auto text = [](double v) -> std::string {
    if (std::isnan(v)) return "NaN";
    std::ostringstream out;
    out << v;
    return out.str();
  };
  std::string table = "| f(x) | x | f | f′ | f″ | |\n|---|---|---|---|---|---|\n";
  for (const EdgeTable& t : edge_tables()) {
    if (!*t.text) continue;  // another way to write the one before
    std::string name = "`" + std::string(t.text) + "`";
    for (const EdgeCase& c : t.cases) {
      table += "| " + name + " | " + text(c.x) + " | " + text(c.value) + " | " + text(c.first) +
               " | " + text(c.second) + " | " + c.why + " |\n";
      name.clear();
    }
  }
  const std::filesystem::path here(PAPILLON_TEST_DATA);  // tests/autograd/data
  std::ifstream file(here.parent_path().parent_path().parent_path() / "docs/edge-cases.md");
  std::ostringstream page;
  page << file.rdbuf();
  INFO("the table of docs/edge-cases.md should read\n" << table);
  CHECK(page.str().find("\n" + table) != std::string::npos);
}
