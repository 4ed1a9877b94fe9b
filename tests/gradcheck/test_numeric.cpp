// Error bars are honest, kinks are found, and what cannot be decided is called inconclusive.
#include <cmath>
#include <limits>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"
#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/autograd/gradcheck/numeric_derivative.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;
using D = Tensor<double>;

namespace {

struct Analytic {
  const char* name;
  double (*f)(double);
  double (*d)(double);
  bool positive;
};
const Analytic functions[] = {
    {"exp", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, false},
    {"sin", [](double x) { return std::sin(x); }, [](double x) { return std::cos(x); }, false},
    {"sin 20x", [](double x) { return std::sin(20 * x); },
     [](double x) { return 20 * std::cos(20 * x); }, false},
    {"log", [](double x) { return std::log(x); }, [](double x) { return 1 / x; }, true},
    {"sqrt", [](double x) { return std::sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); },
     true},
    {"1/x", [](double x) { return 1 / x; }, [](double x) { return -1 / (x * x); }, true},
    {"tanh", [](double x) { return std::tanh(x); },
     [](double x) { return 1 - std::tanh(x) * std::tanh(x); }, false},
    {"cubic", [](double x) { return x * x * x - 2 * x; }, [](double x) { return 3 * x * x - 2; },
     false},
    {"erf", [](double x) { return std::erf(x); },
     [](double x) { return 2 / std::sqrt(M_PI) * std::exp(-x * x); }, false},
    // Loses eight digits to cancellation.
    {"noisy", [](double x) { return (1e8 + std::sin(x)) - 1e8; },
     [](double x) { return std::cos(x); }, false},
};

}  // namespace

TEST_CASE("the true error lies within the error bar, for 99 in 100 entries and more",
          "[gradcheck]") {
  int entries = 0, inside = 0, sharp = 0;
  for (const Analytic& a : functions) {
    const D draws = random_normal<double>({400}, {7, 0});
    for (double x : draws) {
      if (a.positive) x = std::abs(x) + 1e-3;
      const double step = std::exp2(std::floor(std::log2(std::abs(x))) - 3);
      const auto r =
          numeric_derivative([&](double h) { return std::vector<double>{a.f(x + h)}; }, step)[0];
      const double error = std::abs(r.value - a.d(x));
      // The reference itself is rounded.
      const bool ok = error <= r.error_bar + 4e-16 * std::abs(a.d(x));
      ++entries;
      inside += ok;
      sharp += r.error_bar <= 1e-8 * (std::abs(a.d(x)) + std::abs(a.f(x)));
      if (!ok)
        UNSCOPED_INFO(a.name << " at " << x << ": error " << error << ", bar " << r.error_bar);
      CHECK_FALSE(r.kink);
    }
  }
  CHECK(inside >= 0.99 * entries);
  CHECK(sharp >= 0.85 * entries);  // and the bars are no excuse: only the noisy one is wide
}

TEST_CASE("kinks are found, not failed", "[gradcheck]") {
  const D at = D::vector({-1, 0, 2});
  for (const auto& report : {gradcheck([](const auto& in) { return relu(in[0]); }, {at}),
                             gradcheck([](const auto& in) { return abs(in[0]); }, {at})}) {
    INFO(report.text());
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.failed == 0);
    CHECK(report.inconclusive == 2);  // the one entry, by vjp and by jvp
    CHECK(report.worst.kink);
    CHECK(report.worst.input_index == std::vector<std::size_t>{1});
    CHECK_THAT(report.text(), contains_text("kink"));
    CHECK_THAT(report.text(), contains_text("between"));
  }
  // A tie of two inputs, and a kink inside a sum.
  const auto tie = gradcheck([](const auto& in) { return sum(maximum(in[0], in[1])); },
                             {D::vector({1, 2}), D::vector({0.5, 2})});
  CHECK(tie.verdict == Verdict::inconclusive);
  // Near a kink, but not on it: the step gets small enough.
  CHECK(gradcheck([](const auto& in) { return relu(in[0]); }, {D::vector({-1e-4, 1e-4, 2})})
            .passed());
}

TEST_CASE("jumps and functions that are not finite nearby are inconclusive", "[gradcheck]") {
  using Span = std::span<const double>;
  using Values = std::vector<double>;
  const auto zero = [](Span, Span) { return Values{0}; };
  const auto step = gradcheck_callbacks(
      {[](Span x) { return Values{x[0] < 1 ? 0.0 : 1.0}; }, zero, {}}, Values{1});
  CHECK(step.verdict == Verdict::inconclusive);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  const auto edge = gradcheck_callbacks(
      {[=](Span x) { return Values{x[0] < 1 ? nan : x[0]}; }, zero, {}}, Values{1});
  CHECK(edge.verdict == Verdict::inconclusive);
  // A domain that ends close by is stepped around.
  CHECK(gradcheck([](const auto& in) { return log(in[0]); }, {D::vector({1e-3, 1, 5})}).passed());
}

TEST_CASE("tiny, huge, zero and mixed inputs are differentiated at their own scale",
          "[gradcheck]") {
  const auto f = [](const auto& in) { return sin(in[0]) + 1; };
  CHECK(gradcheck(f, {D::vector({1e-8})}).passed());
  CHECK(gradcheck(f, {D::vector({0, 0})}).passed());
  const auto square = [](const auto& in) { return in[0] * in[0]; };
  CHECK(gradcheck(square, {D::vector({1e-12, 3, 1e9})}).passed());
  CHECK(gradcheck(square, {D::vector({1e-20})}).passed());
  CHECK(gradcheck(square, {D::vector({1e15})}).passed());
}

TEST_CASE("any shapes: numbers, empty tensors, unused inputs, constants", "[gradcheck]") {
  const auto product = [](const auto& in) { return in[0] * 2; };
  CHECK(gradcheck(product, {D::scalar(3)}).passed());
  CHECK(gradcheck(product, {D(Shape{0, 3})}).verdict == Verdict::inconclusive);
  CHECK(gradcheck(product, {D::vector({1, 2}), D::vector({5})}).passed());
  GradcheckOptions full;
  full.full = true;
  full.max_rows = 3, full.max_columns = 2;
  CHECK(gradcheck(product, {random_normal<double>({50}, {1, 0})}, full).entries <= 400);
}

TEST_CASE("a report of what passed is one line with the seed", "[gradcheck]") {
  GradcheckOptions options;
  options.op = "double", options.seed = 42;
  const auto report =
      gradcheck([](const auto& in) { return in[0] * 2; }, {D::vector({1, 2})}, options);
  CHECK(report.text().find('\n') == std::string::npos);
  CHECK_THAT(report.text(), contains_text("double: pass"));
  CHECK_THAT(report.text(), contains_text("seed 42"));
  CHECK_THROWS_AS(gradcheck_callbacks({}, std::vector<double>{1}), ArgumentError);
}
