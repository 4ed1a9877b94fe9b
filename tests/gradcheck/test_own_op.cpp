// The op of docs/adding-an-op.md, and the adjoint of a foreign model.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"
#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/autograd/ops.hpp"

using namespace papillon;

namespace {

Var<double> softplus(const Var<double>& x) {
  return custom_op(
      "softplus", {x},
      [](const Tensor<double>& v) {
        Tensor<double> y = v;
        for (double& e : y) e = std::max(e, 0.0) + std::log1p(std::exp(-std::abs(e)));
        return y;
      },
      [](const Node<double>& self, const Var<double>& g) {
        return std::vector<Var<double>>{g * sigmoid(self.inputs[0])};
      },
      [](const Node<double>& self, std::span<const Var<double>> t) {
        return t[0] * sigmoid(self.inputs[0]);
      });
}

// A model as a Fortran programmer hands it over: one Euler step of Lorenz-63, 0.01 long, its
// tangent-linear model and its adjoint.
using Span = std::span<const double>;
using Values = std::vector<double>;
constexpr double dt = 0.01, sigma = 10, rho = 28, beta = 8.0 / 3;

Values forward(Span x) {
  return {x[0] + dt * sigma * (x[1] - x[0]), x[1] + dt * (x[0] * (rho - x[2]) - x[1]),
          x[2] + dt * (x[0] * x[1] - beta * x[2])};
}
Values tangent_linear(Span x, Span v) {
  return {v[0] + dt * sigma * (v[1] - v[0]), v[1] + dt * (v[0] * (rho - x[2]) - x[0] * v[2] - v[1]),
          v[2] + dt * (v[0] * x[1] + x[0] * v[1] - beta * v[2])};
}
Values adjoint(Span x, Span w) {
  return {w[0] * (1 - dt * sigma) + w[1] * dt * (rho - x[2]) + w[2] * dt * x[1],
          w[0] * dt * sigma + w[1] * (1 - dt) + w[2] * dt * x[0],
          -w[1] * dt * x[0] + w[2] * (1 - dt * beta)};
}

// A file of the tree without white space, which the guide and the formatter set differently.
std::string text_without_space(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  return text;
}

}  // namespace

TEST_CASE("the guide quotes this file", "[gradcheck]") {
  const auto root = std::filesystem::path(PAPILLON_TEST_DATA) / "../../..";
  std::string guide = text_without_space((root / "docs/adding-an-op.md").lexically_normal());
  const std::string source =
      text_without_space((root / "tests/gradcheck/test_own_op.cpp").lexically_normal());
  const std::string fence = "```";
  guide.erase(0, guide.find("##Anopofyourown"));
  int quoted = 0;
  for (std::size_t at = 0; (at = guide.find(fence + "cpp", at)) != guide.npos && quoted < 2;
       ++quoted) {
    at += fence.size() + 3;
    const std::size_t end = guide.find(fence, at);
    const std::string block = guide.substr(at, end - at);
    INFO(block);
    CHECK(source.find(block) != source.npos);
    at = end + fence.size();
  }
  CHECK(quoted == 2);
}

TEST_CASE("the op of the guide passes, to second order", "[gradcheck]") {
  GradcheckOptions options;
  options.op = "softplus";
  options.full = options.second_order = true;
  const GradcheckReport report =
      gradcheck([](const std::vector<Var<double>>& in) { return softplus(in[0]); },
                {Tensor<double>::vector({-4, -1, 0, 2})}, options);
  INFO(report.text());
  CHECK(report.passed());
}

TEST_CASE("the guide's vector, of very different scales, passes in the quick mode", "[gradcheck]") {
  const GradcheckReport report =
      gradcheck([](const std::vector<Var<double>>& in) { return softplus(in[0]); },
                {Tensor<double>::vector({-30, -1, 0, 2})});
  INFO(report.text());
  CHECK(report.passed());
}

TEST_CASE("a foreign adjoint is checked without a Var", "[gradcheck]") {
  const Values x{1.5, -2, 25};
  GradcheckOptions options;
  options.full = true;
  const auto report = gradcheck_callbacks({forward, adjoint, tangent_linear}, x, options);
  INFO(report.text());
  CHECK(report.passed());
  CHECK(gradcheck_callbacks({forward, adjoint, {}}, x).passed());

  // The classic: a term left out of the adjoint.
  const auto forgetful = [](Span p, Span w) {
    Values g = adjoint(p, w);
    g[2] += w[1] * dt * p[0];
    return g;
  };
  options.op = "Lorenz-63 adjoint";
  options.input_names = {"state"};
  const auto wrong = gradcheck_callbacks({forward, forgetful, tangent_linear}, x, options);
  INFO(wrong.text());
  CHECK(wrong.verdict == Verdict::fail);
  CHECK(wrong.failed == 1);
  CHECK(wrong.worst.output_index == std::vector<std::size_t>{1});
  CHECK(wrong.worst.input_index == std::vector<std::size_t>{2});
  CHECK_THAT(wrong.text(), contains_text("Lorenz-63 adjoint: fail"));
  CHECK_THAT(wrong.text(), contains_text("\"state\""));
  CHECK_THAT(wrong.text(), contains_text("dot-product test"));
}
