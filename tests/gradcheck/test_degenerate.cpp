// Degenerate situations: a check that compared nothing does not pass, what is not finite is said in
// words, and callbacks that return nonsense are failures, not crashes.
#include <cmath>
#include <functional>
#include <limits>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"
#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/autograd/gradcheck/op_samples.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/elementwise.hpp"

using namespace papillon;
using D = Tensor<double>;
using Span = std::span<const double>;
using Values = std::vector<double>;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// No number is printed that is none, and no failure without something wrong.
void check_words(const GradcheckReport& report) {
  const std::string text = report.text();
  INFO(text);
  CHECK_THAT(text, !contains_text("nan"));
  CHECK_THAT(text, !contains_text(" inf "));
  CHECK_THAT(text, !contains_text("inf,"));
  CHECK_THAT(text, !contains_text("inf\n"));
  CHECK((report.verdict != Verdict::fail || report.failed > 0 || !report.problems.empty()));
  CHECK((report.passed() || report.entries > 0 || !report.problems.empty()));
  CHECK((report.passed() == (text.find('\n') == std::string::npos)));
}

// sin, with a vjp and a jvp that multiply with other things than cos.
template <class A, class B>
auto sine(A by_vjp, B by_jvp) {
  return [=](const std::vector<Var<double>>& in) {
    return custom_op(
        "sine", {in[0]}, [](const D& v) { return sin(v); },
        [=](const Node<double>& self, const Var<double>& g) {
          return std::vector<Var<double>>{g * by_vjp(self.inputs[0])};
        },
        [=](const Node<double>& self, std::span<const Var<double>> t) {
          return t[0] * by_jvp(self.inputs[0]);
        });
  };
}
Var<double> right(const Var<double>& v) {
  return cos(v);
}
// At one element, instead of the cosine.
auto spoiled(double by) {
  return [by](const Var<double>& v) {
    D d = cos(v).value();
    d[0] = by;
    return Var<double>(d);
  };
}

// J = (1, 2)' of one input, by callbacks.
const auto forward = [](Span x) { return Values{x[0], 2 * x[0]}; };
const auto adjoint = [](Span, Span w) { return Values{w[0] + 2 * w[1]}; };
const auto tangent = [](Span, Span v) { return Values{v[0], 2 * v[0]}; };

}  // namespace

TEST_CASE("a check that compared nothing does not pass, and says why", "[gradcheck]") {
  const auto twice = [](const auto& in) { return in[0] * 2; };
  const auto nothing = [](const GradcheckReport& report, const char* why) {
    check_words(report);
    INFO(report.text());
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.entries == 0);
    CHECK_THAT(report.text(), contains_text("nothing was compared"));
    CHECK_THAT(report.text(), contains_text(why));
  };
  for (const bool full : {false, true}) {
    GradcheckOptions options;
    options.full = options.second_order = full;
    nothing(gradcheck(twice, {D(Shape{0})}, options), "no inputs with elements");
    nothing(gradcheck(twice, {D(Shape{2, 0})}, options), "no inputs with elements");
    nothing(gradcheck([](const auto& in) { return slice(in[0], 0, 1, 1); }, {D::vector({1, 2})},
                      options),
            "no outputs with elements");
    nothing(
        gradcheck([](const std::vector<Var<double>>&) { return Var<double>(2.0); }, {}, options),
        "no inputs with elements");
    options.directions = 0;
    if (!full) nothing(gradcheck(twice, {D::vector({1})}, options), "directions is 0");
    if (full) CHECK(gradcheck(twice, {D::vector({1})}, options).passed());
  }
  CHECK(GradcheckReport().verdict == Verdict::inconclusive);
  CHECK_FALSE(GradcheckReport().passed());
  // Nothing to compare, but the shapes are wrong all the same.
  const auto report = gradcheck_callbacks(
      {[](Span) { return Values{}; }, [](Span, Span) { return Values{}; }, {}}, Values{1, 2});
  check_words(report);
  CHECK(report.verdict == Verdict::fail);
}

TEST_CASE("a constant function passes: zero is compared with zero", "[gradcheck]") {
  for (const bool full : {false, true}) {
    GradcheckOptions options;
    options.full = options.second_order = full;
    for (const auto& report :
         {gradcheck([](const auto& in) { return in[0] * 0.0f; }, {D::vector({1, 2})}, options),
          gradcheck([](const auto& in) { return in[0] * 0.0f + 5; }, {D::vector({1, 2})}, options),
          gradcheck([](const auto& in) { return relu(in[0]); }, {D::vector({-1, -2})}, options)}) {
      check_words(report);
      INFO(report.text());
      CHECK(report.passed());
      CHECK(report.entries > 0);
      CHECK(report.worst.relative_bar() < 1e-8);
    }
  }
}

TEST_CASE("where value and derivative vanish, the slopes nearby are the scale", "[gradcheck]") {
  GradcheckOptions options;
  options.full = options.second_order = true;
  for (const int power : {2, 3, 4}) {
    const auto f = [power](const auto& in) { return pow(in[0], static_cast<float>(power)); };
    const auto report = gradcheck(f, {D::vector({0, 0})}, options);
    INFO(report.text());
    CHECK(report.passed());
  }
  // And a derivative that is not zero is wrong there.
  const auto wrong = [](Span, Span w) { return Values{1e-6 * w[0]}; };
  const auto square = [](Span x) { return Values{x[0] * x[0]}; };
  CHECK(gradcheck_callbacks({square, wrong, {}}, Values{0}).verdict == Verdict::fail);
}

TEST_CASE("what is not finite is told in words, with the right verdict", "[gradcheck]") {
  struct Situation {
    const char* name;
    std::function<Var<double>(const std::vector<Var<double>>&)> f;
    D x;
    Verdict verdict;
    const char* text;
  };
  using In = const std::vector<Var<double>>&;
  const Situation situations[] = {
      {"infinite slope", [](In in) { return sqrt(in[0]); }, D::vector({0, 1}),
       Verdict::inconclusive, "not finite nearby"},
      {"pole", [](In in) { return 1 / in[0]; }, D::vector({0, 1}), Verdict::inconclusive,
       "not finite nearby"},
      {"outside the domain", [](In in) { return log(in[0]); }, D::vector({-1, 1}),
       Verdict::inconclusive, "not finite nearby"},
      {"nothing but NaN", [](In in) { return log(in[0]); }, D::vector({-1, -2}),
       Verdict::inconclusive, "not finite nearby"},
      {"double overflows", [](In in) { return exp(in[0]); }, D::vector({1000, 0}),
       Verdict::inconclusive, "not finite nearby"},
      {"infinite input", [](In in) { return tanh(in[0]); }, D::vector({1, inf}),
       Verdict::inconclusive, "element 1 of the inputs is infinity"},
      {"NaN as an input", [](In in) { return tanh(in[0]); }, D::vector({not_a_number, 1}),
       Verdict::inconclusive, "element 0 of the inputs is not a number"},
      {"NaN from vjp alone", sine(spoiled(not_a_number), right), D::vector({1, 2}), Verdict::fail,
       "analytic not a number"},
      {"NaN from jvp alone", sine(right, spoiled(not_a_number)), D::vector({1, 2}), Verdict::fail,
       "analytic not a number"},
      {"infinity from vjp alone", sine(spoiled(inf), right), D::vector({1, 2}), Verdict::fail,
       "analytic infinity"},
      {"infinity from both", sine(spoiled(-inf), spoiled(-inf)), D::vector({1, 2}), Verdict::fail,
       "analytic -infinity"},
      {"wrong beside an infinite output",
       [](In in) {
         return concatenate<double>({sine(spoiled(0.5), spoiled(0.5))(in), exp(in[0] * 1000)}, 0);
       },
       D::vector({1, 2}), Verdict::fail, "ratio 0.925"}};
  for (const Situation& s : situations) {
    for (const bool full : {false, true}) {
      GradcheckOptions options;
      options.full = full;
      const GradcheckReport report = gradcheck(s.f, {s.x}, options);
      INFO(s.name << ": " << report.text());
      check_words(report);
      CHECK(report.verdict == s.verdict);
      CHECK((report.failed > 0) == (s.verdict == Verdict::fail));
      CHECK_THAT(report.text(), contains_text(s.text));
    }
  }
}

TEST_CASE("overflow in float alone is inconclusive, a wrong number in float is wrong",
          "[gradcheck]") {
  const auto beyond = [](const GradcheckReport& report) {
    check_words(report);
    INFO(report.text());
    CHECK(report.verdict == Verdict::inconclusive);
    CHECK(report.failed == 0);
    CHECK_THAT(report.text(), contains_text("float overflows, double does not"));
  };
  const auto e = [](const auto& in) { return exp(in[0]); };
  beyond(gradcheck(e, {D::vector({300, 0})}));
  beyond(gradcheck(e, {D::vector({300})}));
  beyond(gradcheck([](const auto& in) { return in[0] * in[0]; }, {D::vector({1e25, 1})}));
  beyond(gradcheck([](const auto& in) { return in[0] * 2; }, {D::vector({1e300})}));
  beyond(gradcheck([](const auto& in) { return log(in[0]) * 1e37f; }, {D::vector({1e-9})}));
  // Underflow is rounding.
  const auto small =
      gradcheck([](const auto& in) { return in[0] * 1e-30f * 1e-30f; }, {D::vector({1, 2})});
  INFO(small.text());
  CHECK(small.passed());
  // A number that float could hold, lost on the way.
  const auto lost =
      gradcheck([](const auto& in) { return log(exp(in[0]) + 1); }, {D::vector({100, 1})});
  check_words(lost);
  CHECK(lost.verdict == Verdict::fail);
  CHECK(lost.failed > 0);
  CHECK_THAT(lost.text(), contains_text("infinity in float, 100 in double"));
  // An infinite number beside it does not widen the tolerance.
  struct Other {
    Var<double> operator()(const std::vector<Var<double>>& in) const { return exp(in[0]); }
    Var<float> operator()(const std::vector<Var<float>>& in) const { return exp(in[0]) * 1.01f; }
  };
  const auto other = gradcheck(Other(), {D::vector({300, 0})});
  check_words(other);
  CHECK(other.verdict == Verdict::fail);
  CHECK(other.failed == 2);  // value and vjp of the second
}

TEST_CASE("callbacks that return the wrong number of numbers are failures", "[gradcheck]") {
  using Two = std::function<Values(Span, Span)>;
  const auto of_size = [](std::size_t n) -> Two { return [n](Span, Span) { return Values(n); }; };
  const auto failed = [](const GradcheckCallbacks& callbacks, const char* what) {
    for (const bool full : {false, true}) {
      GradcheckOptions options;
      options.full = full;
      const auto report = gradcheck_callbacks(callbacks, Values{1}, options);
      check_words(report);
      INFO(report.text());
      CHECK(report.verdict == Verdict::fail);
      CHECK_THAT(report.text(), contains_text(what));
    }
  };
  for (const std::size_t n : {0, 2, 5})
    failed({forward, of_size(n), tangent}, ("vjp returned " + std::to_string(n)).c_str());
  for (const std::size_t n : {0, 1, 3})
    failed({forward, adjoint, of_size(n)}, ("jvp returned " + std::to_string(n)).c_str());
  // An output whose size depends on the point.
  failed({[](Span x) { return Values(x[0] > 1 ? 3 : 2); }, adjoint, tangent},
         "the function returned 3 numbers for 2 outputs");
  // A vjp that is right at first.
  int calls = 0;
  failed(
      {forward, [&](Span x, Span w) { return ++calls % 3 ? adjoint(x, w) : Values(4); }, tangent},
      "vjp returned 4");
}

TEST_CASE("an exception of the function is passed on as it is", "[gradcheck]") {
  struct Refused {};
  CHECK_THROWS_AS(
      gradcheck_callbacks({[](Span) -> Values { throw Refused(); }, adjoint, {}}, Values{1}),
      Refused);
  const auto beside = [](Span x) -> Values {
    if (x[0] != 1) throw std::domain_error("only at 1");
    return forward(x);
  };
  CHECK_THROWS_AS(gradcheck_callbacks({beside, adjoint, {}}, Values{1}), std::domain_error);
}

TEST_CASE("options and callbacks that no check can be made of are refused", "[gradcheck]") {
  const auto refused = [](auto change) {
    GradcheckOptions options;
    change(options);
    CHECK_THROWS_AS(gradcheck_callbacks({forward, adjoint, {}}, Values{1}, options), ArgumentError);
  };
  for (const double bad : {not_a_number, inf, -1e-8}) {
    refused([=](auto& o) { o.tolerance = bad; });
    refused([=](auto& o) { o.resolution = bad; });
    refused([=](auto& o) { o.float_tolerance = bad; });
  }
  refused([](auto& o) { o.directions = -1; });
  refused([](auto& o) { o.max_rows = 0; });
  refused([](auto& o) { o.max_columns = 0; });
  refused([](auto& o) { o.second_order = true; });  // there is no callback for it
  FlatFunction f;
  f.x = {1};
  CHECK_THROWS_AS(gradcheck_flat(f), ArgumentError);
  f.value = forward, f.vjp = adjoint;
  CHECK(gradcheck_flat(f).passed());
  f.single_value = forward;  // without single_vjp
  CHECK(gradcheck_flat(f).passed());
  f.inputs = {{"x", Shape{2}, 0}};
  CHECK_THROWS_AS(gradcheck_flat(f), ArgumentError);
  f.inputs = {{"x", Shape{1}, 1}};
  CHECK_THROWS_AS(gradcheck_flat(f), ArgumentError);
}

TEST_CASE("a row of the table without entries has not passed", "[gradcheck]") {
  CHECK(GradcheckRow().verdict != Verdict::pass);
  for (const GradcheckRow& row : run_gradcheck_table(3)) {
    INFO(row.op);
    CHECK(row.entries > 0);
  }
}
