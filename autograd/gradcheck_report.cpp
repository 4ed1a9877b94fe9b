// The report of a gradient check, in words.
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "papillon/autograd/gradcheck.hpp"

namespace papillon {
namespace {

std::string element(const std::vector<std::size_t>& index) {
  return fmt::format("[{}]", fmt::join(index, ", "));
}

std::string place(const GradcheckEntry& e, const GradcheckReport& report) {
  if (e.directional) {
    return e.check == "jvp" ? "output " + element(e.output_index) + " along a random direction"
                            : "along a random direction";
  }
  std::string text =
      fmt::format("input {} at {}", report.input_labels.at(e.input), element(e.input_index));
  if (e.check != "second order") text = "output " + element(e.output_index) + ", " + text;
  return text;
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::inconclusive:
      return "inconclusive";
    case Verdict::fail:
      return "fail";
  }
  return "?";
}

double GradcheckEntry::error() const {
  return analytic == numeric ? 0 : std::abs(analytic - numeric) / scale;
}

std::string GradcheckReport::text() const {
  std::string text =
      fmt::format("gradcheck of {}: {} ({} numbers compared, {} wrong, {} inconclusive; seed {})",
                  op, to_string(verdict), entries, failed, inconclusive, seed);
  if (passed()) {
    return text + fmt::format(", worst error {:.1e} with error bar {:.1e}", worst.error(),
                              worst.error_bar / worst.scale);
  }
  for (const std::string& problem : problems) text += "\n  " + problem;
  constexpr std::size_t shown = 5;
  for (std::size_t i = 0; i < findings.size() && i < shown; ++i) {
    const GradcheckEntry& e = findings[i];
    text += fmt::format("\n  {} {}: {}: analytic {:.10g}, numeric {:.10g} ± {:.1e}, ratio {:.6g}",
                        e.check, to_string(e.verdict), place(e, *this), e.analytic, e.numeric,
                        e.error_bar, e.ratio());
    if (e.kink) {
      const double half = std::abs(e.jump) / 2;
      const bool between = std::abs(e.analytic - e.numeric) <= half * (1 + 1e-6);
      text += fmt::format(", kink: the slopes on both sides differ by {:.4g} (analytic is {} them)",
                          e.jump, between ? "between" : "outside");
    }
  }
  if (failed + inconclusive > shown) {
    text += fmt::format("\n  ... and {} more", failed + inconclusive - shown);
  }
  for (const std::string& cause : causes) text += "\n  likely cause: " + cause;
  return text;
}

}  // namespace papillon
