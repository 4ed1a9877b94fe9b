// What a gradient check found: the numbers that were compared, problems, likely causes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "papillon/autograd/gradcheck/numeric_derivative.hpp"
#include "papillon/tensor/enum_names.hpp"

namespace papillon {

// inconclusive: the function has a kink here, is not finite nearby or in float, or is too noisy to
// tell; or nothing was compared.
enum class Verdict { pass, inconclusive, fail };
constexpr auto enum_names(Verdict) {
  return std::array{"pass", "inconclusive", "fail"};
}

// One number that was compared.
struct GradcheckEntry {
  // Empty, or one comparison, without a verdict so far.
  GradcheckEntry() = default;
  GradcheckEntry(const char* name, const NumericDerivative& d, double analytic);

  std::string check;  // "vjp", "jvp", "second order"; "float value", "float vjp" where they differ
  Verdict verdict = Verdict::pass;  // of this number
  bool directional = false;         // along a random direction: input and the indices mean nothing
  // Which input, and which of its elements and of the output's.
  std::size_t input = 0;
  std::vector<std::size_t> input_index, output_index;

  double analytic = 0, numeric = 0;  // in float: its number, and that of double
  double error_bar = 0;              // of numeric
  double scale = 1;                  // what errors are relative to
  bool kink = false;                 // the slopes on both sides differ ...
  double jump = 0;                   // ... by this

  double error() const;                                      // |analytic - numeric| / scale
  double relative_bar() const;                               // error_bar / scale; 0 if it is 0
  double ratio() const { return analytic / numeric + 0.0; }  // no -0
};

// The result of one check, or of several.
struct GradcheckFindings {
  std::size_t entries = 0, failed = 0, inconclusive = 0;  // numbers compared
  GradcheckEntry worst;                  // the largest error() among the worst verdict
  std::vector<GradcheckEntry> findings;  // entries that did not pass, the worst first, at most 20
  std::vector<std::string> problems;     // reasons without a number: not deterministic, ...
  Verdict worst_problem = Verdict::pass;
  bool not_adjoint = false;         // vjp and jvp fail the dot-product test
  std::vector<std::string> causes;  // likely ones

  // Counts an entry and keeps it if it did not pass; adds a reason without a number, with its
  // cause; adds all findings of another check.
  void add(GradcheckEntry entry);
  void add_problem(Verdict severity, std::string description, std::string cause);
  void add(const GradcheckFindings& others);
  void add_cause(std::string cause);  // unless it is empty or already there
  Verdict entry_verdict() const;      // of the entries alone; pass if there is none
};

// Findings with the verdict on the function, and their text.
struct GradcheckReport : GradcheckFindings {
  std::string op;
  Verdict verdict = Verdict::inconclusive;
  std::uint64_t seed = 0;
  std::vector<std::string> input_labels;  // "0 \"x\" [2, 3]"

  // Whether the verdict is pass; false if it is inconclusive.
  bool passed() const { return verdict == Verdict::pass; }
  std::string text() const;  // one line if it passed
};

}  // namespace papillon
