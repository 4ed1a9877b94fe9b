// Deliberately wrong derivatives: each must be caught, with the right verdict and likely cause.
#include <cmath>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"
#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/elementwise.hpp"

using namespace papillon;
using V = Var<double>;
using Vs = std::vector<V>;
using N = Node<double>;
using D = Tensor<double>;

namespace {

const D x = D::matrix({{0.5, -1.25, 2}, {-0.75, 1.5, -0.3}});

// sin, with whatever derivatives: d(self) multiplies in vjp, e(self) in jvp.
template <class Dv, class Dj>
auto sine(Dv d, Dj e) {
  return [=](const Vs& in) {
    return custom_op(
        "sine", {in[0]}, [](const D& v) { return sin(v); },
        [=](const N& self, const V& g) { return Vs{g * d(self.inputs[0])}; },
        [=](const N& self, std::span<const V> t) { return t[0] * e(self.inputs[0]); });
  };
}
template <class Dv>
auto sine(Dv d) {
  return sine(d, d);
}
V right(const V& v) {
  return cos(v);
}
// v with a mask: 1 where the condition holds.
template <class P>
V mask(const V& v, P p) {
  D m = v.value();
  for (std::size_t i = 0; i < m.size(); ++i) m[i] = p(i, m[i]) ? 1 : 0;
  return V(m);
}

template <class F>
GradcheckReport caught(const F& f, const std::vector<D>& inputs, const char* cause) {
  const GradcheckReport report = gradcheck(f, inputs);
  INFO(report.text());
  CHECK(report.verdict == Verdict::fail);
  CHECK_THAT(report.text(), contains_text("likely cause"));
  CHECK_THAT(report.text(), contains_text(cause));
  return report;
}

using Span = std::span<const double>;
using Values = std::vector<double>;

}  // namespace

TEST_CASE("a right derivative passes", "[gradcheck]") {
  const auto report = gradcheck(sine(right), {x});
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.worst.error() < 1e-8);
}

TEST_CASE("factors are named", "[gradcheck]") {
  caught(sine([](const V& v) { return -cos(v); }), {x}, "sign flipped");
  caught(sine([](const V& v) { return 2 * cos(v); }), {x}, "a factor 2 too many");
  caught(sine([](const V& v) { return 0.5 * cos(v); }), {x}, "a factor 2 is missing");
  caught(sine([](const V& v) { return 1.3 * cos(v); }), {x}, "analytic = 1.3 × numeric");
  caught(sine([](const V& v) { return cos(v) * v; }), {x}, "off by × x");
  caught(sine([](const V& v) { return cos(v) / v; }), {x}, "off by 1 / x");
  caught(sine([](const V& v) { return cos(v) * sin(v); }), {x}, "off by × y");
  caught(sine([](const V& v) { return v * 0 + 1; }), {x}, "inner derivative is missing");
  caught(sine([](const V& v) { return cos(v) + 0.25; }), {x}, "analytic - numeric = 0.25");
  caught(sine([](const V& v) { return v * 0; }), {x}, "this input was forgotten");
  caught(sine([](const V& v) { return v * std::nan(""); }), {x}, "NaN");
  // Right to one part in a million is wrong.
  caught(sine([](const V& v) { return (1 + 1e-6) * cos(v); }), {x}, "factor");
}

TEST_CASE("the place is named where the derivative is right elsewhere", "[gradcheck]") {
  const auto one =
      caught(sine([](const V& v) {
               return cos(v) * (1 + mask(v, [](auto i, double) { return i == 4; }));
             }),
             {x}, "a single entry is off by the factor 2; wrong only for input element [1, 1]");
  CHECK(one.failed == 2);  // once by vjp, once by jvp
  CHECK(one.worst.input_index == std::vector<std::size_t>{1, 1});
  CHECK(one.worst.output_index == std::vector<std::size_t>{1, 1});
  CHECK(one.worst.ratio() == Approx(2));
  caught(sine([](const V& v) {
           return cos(v) * (1 - 2 * mask(v, [](auto, double e) { return e < 0; }));
         }),
         {x}, "sign flipped; wrong only where the input is negative");
}

TEST_CASE("a wrong jvp is told from a wrong vjp", "[gradcheck]") {
  const auto wrong = [](const V& v) { return -cos(v); };
  const auto j = caught(sine(right, wrong), {x}, "jvp of input 0 [2, 3]: sign flipped");
  CHECK_THAT(j.text(), contains_text("dot-product test"));
  CHECK_THAT(j.text(), !contains_text("vjp of input"));
  const auto v = caught(sine(wrong, right), {x}, "vjp of input 0 [2, 3]: sign flipped");
  CHECK_THAT(v.text(), !contains_text("jvp of input"));
}

TEST_CASE("a missing transpose is named", "[gradcheck]") {
  const D a = D::matrix({{1, 2}, {-0.5, 0.7}}), b = D::matrix({{0.3, -1}, {2, 0.6}});
  // y = a b: the gradient of a is g bᵀ.
  const auto f = [](const Vs& in) {
    return custom_op(
        "product", {in[0], in[1]}, [](const D& p, const D& q) { return matmul(p, q); },
        [](const N& self, const V& g) {
          return Vs{transpose(matmul(g, self.inputs[1], Transpose::no, Transpose::yes)),
                    matmul(self.inputs[0], g, Transpose::yes)};
        },
        [](const N& self, std::span<const V> t) {
          return sum_of_defined(t[0] ? matmul(t[0], self.inputs[1]) : V(),
                                t[1] ? matmul(self.inputs[0], t[1]) : V());
        });
  };
  const auto report = caught(f, {a, b}, "vjp of input 0 [2, 2]: a transpose is missing");
  CHECK_THAT(report.text(), !contains_text("vjp of input 1"));
  // A foreign adjoint that applies J where Jᵀ is wanted.
  const auto multiply = [](bool transposed) {
    return [=](Span, Span v) {
      return transposed ? Values{v[0] + 3 * v[1], 2 * v[0] + 4 * v[1]}
                        : Values{v[0] + 2 * v[1], 3 * v[0] + 4 * v[1]};
    };
  };
  const auto forward = [](Span p) { return Values{p[0] + 2 * p[1], 3 * p[0] + 4 * p[1]}; };
  const Values point{0.3, 0.9};
  CHECK(gradcheck_callbacks({forward, multiply(true), multiply(false)}, point).passed());
  const auto foreign = gradcheck_callbacks({forward, multiply(false), multiply(false)}, point);
  INFO(foreign.text());
  CHECK(foreign.verdict == Verdict::fail);
  CHECK_THAT(foreign.text(), contains_text("a transpose is missing"));
}

TEST_CASE("missing terms and a broadcast that is not summed are named", "[gradcheck]") {
  // y = x - mean(x), as if the mean were a constant.
  caught(
      [](const Vs& in) {
        return custom_op(
            "centre", {in[0]}, [](const D& v) { return sub(v, mean(v)); },
            [](const N&, const V& g) { return Vs{g}; },
            [](const N&, std::span<const V> t) { return t[0] - mean(t[0]); });
      },
      {D::vector({1, 2, 4, 7})}, "a term is missing");
  // softmax without its sum: y g instead of y (g - Σ y g).
  caught(
      [](const Vs& in) {
        return custom_op(
            "softmax", {in[0]}, [](const D& v) { return softmax(V(v), -1).value(); },
            [](const N& self, const V& g) { return Vs{g * self.output()}; },
            [](const N& self, std::span<const V> t) { return t[0] * self.output(); });
      },
      {D::vector({1, 2, 0.4, -0.7})}, "a term is missing: the error is an outer product");
  // y = x + b, rows of x; the gradient of b is that of the last row only.
  caught(
      [](const Vs& in) {
        return custom_op(
            "add_bias", {in[0], in[1]}, [](const D& v, const D& b) { return add(v, b); },
            [](const N&, const V& g) {
              return Vs{g, reshape(slice(g, 0, 1, 2), {-1})};
            },
            [](const N&, std::span<const V> t) {
              return sum_of_defined(t[0], t[1] ? broadcast_to(t[1], Shape{2, 3}) : V());
            });
      },
      {x, D::vector({1, 2, 3})}, "broadcast not summed");
  // The mean of the rows' gradients, not the sum.
  caught(
      [](const Vs& in) {
        return custom_op(
            "add_bias", {in[0], in[1]}, [](const D& v, const D& b) { return add(v, b); },
            [](const N&, const V& g) {
              return Vs{g, mean(g, {0})};
            },
            [](const N&, std::span<const V> t) {
              return sum_of_defined(t[0], t[1] ? broadcast_to(t[1], Shape{2, 3}) : V());
            });
      },
      {x, D::vector({1, 2, 3})}, "a factor 2 is missing");
  // A gradient of the output's size.
  const auto forward = [](Span p) { return Values{p[0], 2 * p[0], 3 * p[0]}; };
  const auto vjp = [](Span, Span w) { return Values{w[0], 2 * w[1], 3 * w[2]}; };
  const auto report = gradcheck_callbacks({forward, vjp, {}}, Values{0.5});
  CHECK(report.verdict == Verdict::fail);
  CHECK_THAT(report.text(), contains_text("broadcast not summed"));
}

TEST_CASE("what is not deterministic fails", "[gradcheck]") {
  int calls = 0;
  const auto forward = [&](Span p) { return Values{p[0] + 1e-3 * ++calls}; };
  const auto vjp = [](Span, Span w) { return Values{w[0]}; };
  const auto report = gradcheck_callbacks({forward, vjp, {}}, Values{0.5});
  CHECK(report.verdict == Verdict::fail);
  CHECK_THAT(report.text(), contains_text("not deterministic"));
  Values kept{0};
  const auto steady = [](Span p) { return Values{p[0]}; };
  const auto accumulating = [&](Span, Span w) { return Values{kept[0] += w[0]}; };
  const auto second = gradcheck_callbacks({steady, accumulating, {}}, Values{0.5});
  CHECK(second.verdict == Verdict::fail);
  CHECK_THAT(second.text(), contains_text("accumulate"));
}

TEST_CASE("a vjp that is not linear, and one that throws, fail", "[gradcheck]") {
  const auto forward = [](Span p) { return Values{p[0], 2 * p[0]}; };
  const auto root = [](Span, Span w) { return Values{std::sqrt(w[0] * w[0]) + 2 * w[1]}; };
  bool found = false;
  for (std::uint64_t seed = 0; seed < 4 && !found; ++seed) {  // some direction has w[0] < 0
    GradcheckOptions options;
    options.seed = seed;
    const auto report = gradcheck_callbacks({forward, root, {}}, Values{0.5}, options);
    found =
        report.verdict == Verdict::fail && report.text().find("not linear") != std::string::npos;
  }
  CHECK(found);
  const auto throwing = [](Span, Span) -> Values { throw std::runtime_error("no memory"); };
  const auto report = gradcheck_callbacks({forward, throwing, {}}, Values{0.5});
  CHECK(report.verdict == Verdict::fail);
  CHECK_THAT(report.text(), contains_text("no memory"));
}

TEST_CASE("a wrong second derivative is caught", "[gradcheck]") {
  GradcheckOptions options;
  options.second_order = true;
  CHECK(gradcheck(sine(right), {x}, options).passed());
  // The first derivative is right, but as a constant that cannot be differentiated again.
  const auto report = gradcheck(sine([](const V& v) { return V(cos(v).value()); }), {x}, options);
  INFO(report.text());
  CHECK(report.verdict == Verdict::fail);
  CHECK(report.worst.check == "second order");
}

TEST_CASE("float that goes another way than double is caught", "[gradcheck]") {
  const auto f = [](const auto& in) {
    return exp(in[0] + 100) * exp(-in[0] - 99);  // overflows in float
  };
  const auto report = gradcheck(f, {D::vector({0.5, 1})});
  INFO(report.text());
  CHECK(report.verdict == Verdict::fail);
  CHECK_THAT(report.text(), contains_text("float"));
}
