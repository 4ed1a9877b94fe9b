// The quick checks: reproducibility, and derivatives along random directions.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon::detail {
namespace {

bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

double sum_of_sizes(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] * b[i]);
  return sum;
}

// The dot-product test needs no differences: w · (J v) = (Jᵀ w) · v to rounding. size: of the sums'
// terms.
void compare_adjoint(double by_jvp, double by_vjp, double size, GradcheckFindings& findings) {
  const bool finite = std::isfinite(by_jvp) && std::isfinite(by_vjp);
  // Where neither is finite there is nothing to compare; the entries tell what is infinite.
  if (finite ? std::abs(by_jvp - by_vjp) <= 1e-10 * size
             : std::isfinite(by_jvp) == std::isfinite(by_vjp)) {
    return;
  }
  findings.not_adjoint = true;
  findings.add_problem(Verdict::fail,
                       fmt::format("dot-product test: w · jvp(v) = {}, but vjp(w) · v = {}",
                                   number(by_jvp), number(by_vjp)),
                       "");
}

}  // namespace

void check_reproducible(const CheckedFunction& f) {
  if (!same_bits(f.y, f.value(f.x)))
    throw Defect(
        "two evaluations at the same point differ",
        "the function is not deterministic: random numbers, uninitialised memory, or state");
  const Values w = f.random_weights(f.y.size(), Purpose::gradcheck_determinism);
  if (!same_bits(f.vjp(f.x, w), f.vjp(f.x, w)))
    throw Defect(
        "two evaluations of vjp at the same point differ",
        "the vjp is not deterministic: does it accumulate into something that outlives it?");
  // For the size of its result, which is guarded.
  if (f.jvp) f.jvp(f.x, f.random_weights(f.x.size(), Purpose::gradcheck_determinism));
}

// Along a random direction v, with random weights w of the outputs: vjp(w) · v, and jvp(v).
GradcheckFindings check_direction(const CheckedFunction& f, const GradcheckOptions& options,
                                  std::uint64_t k) {
  GradcheckFindings findings;
  const Values w = f.random_weights(f.y.size(), Purpose::gradcheck_weights, k);
  const Values v = f.random_direction(Purpose::gradcheck_directions, k);
  // The outputs, and after them their weighted sum.
  const auto curve = [&](double h) {
    Values y = f.value(f.moved(v, h));
    y.push_back(dot(w, y));
    return y;
  };
  const auto numeric = numeric_derivative(curve, 0.125);
  const Values g = f.vjp(f.x, w);
  double square = 0;
  for (std::size_t j = 0; j < v.size(); ++j) square += std::pow(g[j] * v[j], 2);
  const double floor = 1e-3 * largest(f.y);
  GradcheckEntry entry("vjp", numeric.back(), dot(g, v));
  entry.directional = true;
  entry.scale = largest({entry.analytic, entry.numeric, std::sqrt(square), floor, entry.scale});
  findings.add(judged(entry, options));
  if (!f.jvp) return findings;

  const Values t = f.jvp(f.x, v);
  double top = largest(t);
  for (std::size_t i = 0; i < t.size(); ++i) top = largest({top, numeric[i].value});
  for (std::size_t i = 0; i < t.size(); ++i) {
    GradcheckEntry tangent("jvp", numeric[i], t[i]);
    tangent.directional = true;
    tangent.output_index = unravel(i, f.output_shape);
    tangent.scale = largest({t[i], tangent.numeric, 1e-3 * top, floor, tangent.scale});
    findings.add(judged(tangent, options));
  }
  compare_adjoint(dot(w, t), dot(g, v), sum_of_sizes(w, t) + sum_of_sizes(g, v), findings);
  return findings;
}

}  // namespace papillon::detail
