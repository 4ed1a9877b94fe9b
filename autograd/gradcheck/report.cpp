// Findings of several checks as one, and a report in words.
#include "papillon/autograd/gradcheck/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon {
namespace {

using detail::number;

bool worse(const GradcheckEntry& a, const GradcheckEntry& b) {
  const auto size = [](double error) { return std::isnan(error) ? INFINITY : error; };
  if (a.verdict != b.verdict) return a.verdict > b.verdict;
  return size(a.error()) > size(b.error());
}

std::string element(const std::vector<std::size_t>& index) {
  return fmt::format("[{}]", fmt::join(index, ", "));
}

std::string place(const GradcheckEntry& e, const GradcheckReport& report) {
  const std::string output = "output " + element(e.output_index);
  if (e.directional) return (e.check == "jvp" ? output + " " : "") + "along a random direction";
  if (e.check == "float value") return output;
  const std::string input =
      fmt::format("input {} at {}", report.input_labels.at(e.input), element(e.input_index));
  return e.check == "vjp" || e.check == "jvp" ? output + ", " + input : input;
}

// What was compared with what, in numbers, or in words where there are none.
std::string comparison(const GradcheckEntry& e) {
  if (e.check == "float value" || e.check == "float vjp")
    return fmt::format("{} in float, {} in double", number(e.analytic), number(e.numeric));
  std::string text = fmt::format("analytic {}, numeric ", number(e.analytic));
  if (!std::isfinite(e.error_bar)) return text + "unknown: the function is not finite nearby";
  text += fmt::format("{} ± {:.1e}", number(e.numeric), e.error_bar);
  if (std::isfinite(e.ratio())) text += fmt::format(", ratio {:.6g}", e.ratio());
  if (e.kink) {
    const double half = std::abs(e.jump) / 2;
    const bool between = std::abs(e.analytic - e.numeric) <= half * (1 + 1e-6);
    text += fmt::format(", kink: the slopes on both sides differ by {} (analytic is {} them)",
                        number(e.jump, 4), between ? "between" : "outside");
  }
  return text;
}

}  // namespace

GradcheckEntry::GradcheckEntry(const char* name, const NumericDerivative& d, double a)
    : check(name),
      analytic(a),
      numeric(d.value),
      error_bar(d.error_bar),
      scale(1e-3 * d.nearby),
      kink(d.kink),
      jump(d.jump) {}

double GradcheckEntry::error() const {
  return analytic == numeric ? 0 : std::abs(analytic - numeric) / scale;
}

double GradcheckEntry::relative_bar() const {
  return error_bar == 0 ? 0 : error_bar / scale;
}

void GradcheckFindings::add(GradcheckEntry entry) {
  GradcheckFindings one;
  one.entries = 1;
  one.failed = entry.verdict == Verdict::fail;
  one.inconclusive = entry.verdict == Verdict::inconclusive;
  one.worst = entry;
  if (entry.verdict != Verdict::pass) one.findings.push_back(std::move(entry));
  add(one);
}

void GradcheckFindings::add(const GradcheckFindings& others) {
  constexpr std::size_t max_findings = 20;
  if (others.entries > 0 && (entries == 0 || worse(others.worst, worst))) worst = others.worst;
  entries += others.entries;
  failed += others.failed;
  inconclusive += others.inconclusive;
  for (const GradcheckEntry& entry : others.findings) {
    findings.insert(std::upper_bound(findings.begin(), findings.end(), entry, worse), entry);
    if (findings.size() > max_findings) findings.pop_back();
  }
  problems.insert(problems.end(), others.problems.begin(), others.problems.end());
  worst_problem = std::max(worst_problem, others.worst_problem);
  not_adjoint = not_adjoint || others.not_adjoint;
  for (const std::string& cause : others.causes) add_cause(cause);
}

void GradcheckFindings::add_problem(Verdict severity, std::string description, std::string cause) {
  worst_problem = std::max(worst_problem, severity);
  problems.push_back(std::move(description));
  add_cause(std::move(cause));
}

void GradcheckFindings::add_cause(std::string cause) {
  if (!cause.empty() && std::find(causes.begin(), causes.end(), cause) == causes.end())
    causes.push_back(std::move(cause));
}

Verdict GradcheckFindings::entry_verdict() const {
  return failed ? Verdict::fail : inconclusive ? Verdict::inconclusive : Verdict::pass;
}

std::string GradcheckReport::text() const {
  std::string text =
      fmt::format("gradcheck of {}: {} ({} numbers compared, {} wrong, {} inconclusive; seed {})",
                  op, to_string(verdict), entries, failed, inconclusive, seed);
  if (passed()) {
    return text + fmt::format(", worst error {:.1e} with error bar {:.1e}", worst.error(),
                              worst.relative_bar());
  }
  for (const std::string& problem : problems) text += "\n  " + problem;
  constexpr std::size_t shown = 5;
  for (std::size_t i = 0; i < findings.size() && i < shown; ++i) {
    const GradcheckEntry& e = findings[i];
    text += fmt::format("\n  {} {}: {}: {}", e.check, to_string(e.verdict), place(e, *this),
                        comparison(e));
  }
  if (failed + inconclusive > shown) {
    text += fmt::format("\n  ... and {} more", failed + inconclusive - shown);
  }
  for (const std::string& cause : causes) text += "\n  likely cause: " + cause;
  return text;
}

}  // namespace papillon
