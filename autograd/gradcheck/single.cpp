// Float against double.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon::detail {
namespace {

using Limits = std::numeric_limits<float>;

const char* const overflow =
    "float overflows, double does not: check smaller numbers, or the function in double alone";

bool fits(double v) {
  return !std::isfinite(v) || std::abs(v) <= Limits::max();
}

// Elements [begin, end); entry has what they share.
GradcheckFindings compare(const GradcheckEntry& entry, const Shape& shape, std::size_t begin,
                          const Values& exact, const Values& single, double tolerance) {
  GradcheckFindings findings;
  const std::size_t end = begin + element_count(shape);
  double size = 0;  // of what float can hold
  for (std::size_t i = begin; i < end; ++i)
    if (fits(exact[i])) size = largest({size, exact[i]});
  for (std::size_t i = begin; i < end; ++i) {
    if (!fits(exact[i])) {
      if (findings.worst_problem == Verdict::pass)
        findings.add_problem(
            Verdict::inconclusive,
            fmt::format("{}: element {}, {} in double, is beyond the range of float", entry.check,
                        i - begin, number(exact[i])),
            overflow);
      continue;
    }
    if (single[i] == exact[i] || (std::isnan(single[i]) && std::isnan(exact[i])) ||
        std::abs(single[i] - exact[i]) <= tolerance * size + Limits::min())  // it may underflow
      continue;
    GradcheckEntry wrong = entry;
    wrong.verdict = Verdict::fail;
    wrong.analytic = single[i];
    wrong.numeric = exact[i];
    wrong.scale = size;
    (entry.check == "float value" ? wrong.output_index : wrong.input_index) =
        unravel(i - begin, shape);
    findings.add(std::move(wrong));
    findings.add_cause(
        "float and double take different paths, or float cancels or overflows on the way");
  }
  return findings;
}

}  // namespace

GradcheckFindings check_single(const CheckedFunction& f, const GradcheckOptions& options) {
  GradcheckFindings findings;
  Values x = f.x;
  for (double& v : x) {
    if (!fits(v)) {
      findings.add_problem(Verdict::inconclusive,
                           fmt::format("an input, {}, is beyond the range of float", number(v)),
                           overflow);
      return findings;
    }
    v = static_cast<float>(v);
  }
  Values w = f.random_weights(f.y.size(), Purpose::gradcheck_single);
  for (double& v : w) v = static_cast<float>(v);
  GradcheckEntry entry;
  entry.check = "float value";
  findings.add(
      compare(entry, f.output_shape, 0, f.value(x), f.single_value(x), options.float_tolerance));
  if (!f.single_vjp) return findings;
  entry.check = "float vjp";
  const Values exact = f.vjp(x, w), single = f.single_vjp(x, w);
  for (entry.input = 0; entry.input < f.inputs.size(); ++entry.input) {
    const FlatFunction::Input& in = f.inputs[entry.input];
    findings.add(compare(entry, in.shape, in.offset, exact, single, options.float_tolerance));
  }
  return findings;
}

}  // namespace papillon::detail
