// Is your adjoint right? A model step written by hand, its tangent-linear and its adjoint, checked
// against differences: no Var is needed, and the code may as well be C or Fortran.
#include <cstdio>
#include <papillon/autograd/gradcheck/gradcheck.hpp>
#include <span>
#include <vector>

using Values = std::vector<double>;
using Span = std::span<const double>;

// One Euler step of a predator and its prey, x = (prey, predator).
constexpr double dt = 0.1;
Values step(Span x) {
  return {x[0] + dt * x[0] * (1 - x[1]), x[1] + dt * x[1] * (x[0] - 1)};
}
Values tangent(Span x, Span v) {
  return {v[0] + dt * (v[0] * (1 - x[1]) - x[0] * v[1]),
          v[1] + dt * (v[1] * (x[0] - 1) + x[1] * v[0])};
}
Values adjoint(Span x, Span w) {
  return {w[0] + dt * (w[0] * (1 - x[1]) + w[1] * x[1]),
          w[1] + dt * (w[1] * (x[0] - 1) - w[0] * x[0])};
}
Values wrong_adjoint(Span x, Span w) {  // a sign is wrong
  return {w[0] + dt * (w[0] * (1 - x[1]) - w[1] * x[1]),
          w[1] + dt * (w[1] * (x[0] - 1) - w[0] * x[0])};
}

int main() {
  const Values x = {1.5, 0.7};
  const auto right = papillon::gradcheck_callbacks({step, adjoint, tangent}, x, {.op = "step"});
  const auto wrong =
      papillon::gradcheck_callbacks({step, wrong_adjoint, tangent}, x, {.op = "bug"});
  std::printf("%s\n%s\n", right.text().c_str(), wrong.text().c_str());
  return right.passed() && wrong.verdict == papillon::Verdict::fail ? 0 : 1;
}
