// A gradient check from its options to its report.
#include "papillon/autograd/gradcheck/gradcheck.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon {
namespace {

using detail::CheckedFunction;
using detail::number;

void check_options(const GradcheckOptions& o) {
  for (const auto& [name, value] : {std::pair{"tolerance", o.tolerance},
                                    {"resolution", o.resolution},
                                    {"float_tolerance", o.float_tolerance}}) {
    if (!(value >= 0 && std::isfinite(value)))
      throw ArgumentError(
          fmt::format("gradcheck: {} is {}; must be a number of at least 0", name, number(value)));
  }
  if (o.directions < 0)
    throw ArgumentError(
        fmt::format("gradcheck: directions is {}; must be at least 0", o.directions));
  if (o.max_rows == 0 || o.max_columns == 0)
    throw ArgumentError("gradcheck: max_rows and max_columns must be at least 1");
}

// The entries of the whole Jacobian replace those along directions, which they explain.
void replace_by_jacobian(GradcheckFindings& findings, const CheckedFunction& f,
                         const GradcheckOptions& options) {
  GradcheckFindings entrywise = detail::check_jacobian(f, options);
  if (findings.failed && !entrywise.failed) {
    entrywise.findings = findings.findings;
    entrywise.failed = findings.failed;
    entrywise.worst = findings.worst;
    entrywise.add_cause(
        detail::jacobian_is_sampled(f, options)
            ? "wrong in an entry outside the sample of the Jacobian that was checked"
            : "the derivative is not linear in its vector (w of vjp, v of jvp)");
  }
  findings.entries = findings.failed = findings.inconclusive = 0;
  findings.findings.clear();
  findings.add(entrywise);
}

void run_checks(const CheckedFunction& f, const GradcheckOptions& options,
                GradcheckFindings& findings) {
  detail::check_reproducible(f);
  if (f.x.empty() || f.y.empty()) return;
  for (int k = 0; k < options.directions; ++k)
    findings.add(detail::check_direction(f, options, static_cast<std::uint64_t>(k)));
  if (options.full || findings.entry_verdict() != Verdict::pass)
    replace_by_jacobian(findings, f, options);
  if (f.second && findings.failed == 0) findings.add(detail::check_second_order(f, options));
  if (f.single_value) findings.add(detail::check_single(f, options));
}

// A check that compared nothing has not passed.
void add_what_was_not_compared(const CheckedFunction& f, GradcheckFindings& findings) {
  const auto bad =
      std::find_if_not(f.x.begin(), f.x.end(), [](double v) { return std::isfinite(v); });
  if (bad != f.x.end())
    findings.add_problem(
        Verdict::inconclusive,
        fmt::format("element {} of the inputs is {}: no difference can be taken there",
                    bad - f.x.begin(), number(*bad)),
        "check at a finite point");
  if (findings.entries > 0 || findings.worst_problem == Verdict::fail) return;
  const char* why = f.x.empty()   ? "the function has no inputs with elements"
                    : f.y.empty() ? "the function has no outputs with elements"
                                  : "directions is 0, and full is off";
  findings.add_problem(Verdict::inconclusive, fmt::format("nothing was compared: {}", why), "");
}

}  // namespace

GradcheckReport gradcheck_flat(FlatFunction function, const GradcheckOptions& options) {
  check_options(options);
  CheckedFunction f(std::move(function), options);
  detail::guard_callbacks(f);
  GradcheckReport report;
  report.op = options.op;
  report.seed = options.seed;
  for (std::size_t i = 0; i < f.inputs.size(); ++i) report.input_labels.push_back(f.input_label(i));
  try {
    run_checks(f, options, report);
  } catch (const detail::Defect& defect) {
    report.add_problem(Verdict::fail, defect.what(), defect.cause);
  }
  add_what_was_not_compared(f, report);
  if (report.not_adjoint && report.entry_verdict() == Verdict::pass)
    report.add_cause("vjp and jvp are not adjoint to each other");
  report.verdict = std::max(report.worst_problem, report.entry_verdict());
  if (report.verdict == Verdict::inconclusive && report.inconclusive) {
    const bool kink = std::any_of(report.findings.begin(), report.findings.end(),
                                  [](const auto& e) { return e.kink; });
    report.add_cause(
        kink ? "a kink: check at a point beside it"
             : "too noisy, discontinuous, or not finite nearby: check at another point");
  }
  return report;
}

}  // namespace papillon
