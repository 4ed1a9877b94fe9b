// Float against double, from the same (rounded) inputs: only the op's own rounding remains.
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "papillon/autograd/gradcheck_checker.hpp"

namespace papillon::detail {
namespace {

using Limits = std::numeric_limits<float>;

const char* const overflow =
    "float overflows, double does not: check smaller numbers, or the function in double alone";

bool fits(double v) {
  return !std::isfinite(v) || std::abs(v) <= Limits::max();
}

}  // namespace

void Checker::check_single() {
  Values x = f_.x;
  for (double& v : x) {
    if (!fits(v)) {
      problem(Verdict::inconclusive,
              fmt::format("an input, {}, is beyond the range of float", number(v)), overflow);
      return;
    }
    v = static_cast<float>(v);
  }
  Values w = random_values(y_.size(), Purpose::gradcheck_single);
  for (double& v : w) v = static_cast<float>(v);
  compare_single("float value", 0, f_.value(x), f_.single_value(x));
  if (!f_.single_vjp) return;
  const Values exact = f_.vjp(x, w), single = f_.single_vjp(x, w);
  for (std::size_t input = 0; input < f_.inputs.size(); ++input) {
    const auto begin = static_cast<std::ptrdiff_t>(f_.inputs[input].offset);
    const auto end = begin + static_cast<std::ptrdiff_t>(element_count(f_.inputs[input].shape));
    compare_single("float vjp", input, {exact.begin() + begin, exact.begin() + end},
                   {single.begin() + begin, single.begin() + end});
  }
}

void Checker::compare_single(const char* check, std::size_t input, const Values& exact,
                             const Values& single) {
  double size = 0;  // of what float can hold
  for (const double v : exact)
    if (fits(v)) size = largest({size, v});
  bool beyond = false;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (!fits(exact[i])) {
      if (!beyond)
        problem(Verdict::inconclusive,
                fmt::format("{}: element {}, {} in double, is beyond the range of float", check, i,
                            number(exact[i])),
                overflow);
      beyond = true;
      continue;
    }
    const bool same = single[i] == exact[i] || (std::isnan(single[i]) && std::isnan(exact[i])) ||
                      std::abs(single[i] - exact[i]) <=
                          options_.float_tolerance * size + Limits::min();  // it may underflow
    if (same) continue;
    GradcheckEntry entry;
    entry.check = check;
    entry.verdict = Verdict::fail;
    entry.analytic = single[i];
    entry.numeric = exact[i];
    entry.scale = size;
    entry.input = input;
    const bool value = check == std::string("float value");
    (value ? entry.output_index : entry.input_index) =
        unravel(i, value ? f_.output_shape : f_.inputs[input].shape);
    record(std::move(entry));
    add_cause("float and double take different paths, or float cancels or overflows on the way");
  }
}

}  // namespace papillon::detail
