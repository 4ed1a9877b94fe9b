// The inventory of ops: every op of ops.hpp with sample inputs, and the check of them all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "papillon/autograd/gradcheck/gradcheck.hpp"

namespace papillon {

// One op at one sample.
struct GradcheckSample {
  std::string op, sample;  // "add", "[2, 3] + [3]"
  VarFunction<double> f;
  VarFunction<float> single;
  std::vector<Tensor<double>> inputs;
};

// All samples, in the order of ops.hpp. An op's samples stand together. seed: of the inputs.
std::vector<GradcheckSample> gradcheck_samples(std::uint64_t seed = 0);

// An op, over all its samples.
struct GradcheckRow {
  std::string op;
  Verdict verdict = Verdict::inconclusive;  // until something was compared
  std::size_t samples = 0, entries = 0;
  double worst_error = 0;  // the largest |analytic - numeric| of all samples, relative to the entry
  double error_bar = 0;    // of that entry's numeric derivative, relative likewise
  std::string text;        // the reports of the samples that did not pass
};

// Whole Jacobians by vjp and jvp, in double and float, and second derivatives.
std::vector<GradcheckRow> run_gradcheck_table(std::uint64_t seed = 0);

}  // namespace papillon
