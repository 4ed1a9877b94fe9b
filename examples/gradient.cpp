// The gradient of your function, its Hessian times a direction, and a check of both.
#include <cstdio>
#include <papillon/autograd/gradcheck/gradcheck.hpp>
#include <papillon/autograd/ops.hpp>

using namespace papillon;

// Rosenbrock's function of x [2]: (1 - x_0)^2 + 100 (x_1 - x_0^2)^2. Written for any number type,
// it is also checked in float.
const auto rosenbrock = [](const auto& in) {
  const auto a = slice(in[0], 0, 0, 1), b = slice(in[0], 0, 1, 2);
  return sum(pow(1 - a, 2) + 100 * pow(b - a * a, 2));
};

int main() {
  const auto x = Var<double>::parameter(Tensor<double>::vector({-1, 2}));
  const Var<double> f = rosenbrock(std::vector{x});
  const Var<double> g = gradient(f, {x}, true)[0];  // true: to be differentiated again
  std::printf("f = %g, gradient = (%g, %g)\n", f.item(), g.value()[0], g.value()[1]);

  // The gradient of v . gradient is the Hessian times v.
  const Var<double> v(Tensor<double>::vector({1, 0}));
  const Tensor<double> hv = gradient(sum(g * v), {x})[0].value();
  std::printf("Hessian times (1, 0) = (%g, %g)\n", hv[0], hv[1]);

  const GradcheckReport report =
      gradcheck(rosenbrock, {x.value()}, {.op = "rosenbrock", .second_order = true});
  std::puts(report.text().c_str());
  const bool right = g.value()[0] == 396 && g.value()[1] == 200 && hv[0] == 402 && hv[1] == 400;
  return right && report.passed() ? 0 : 1;
}
