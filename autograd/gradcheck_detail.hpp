// What the parts of gradcheck share. Not for users.
#pragma once

#include <string>
#include <vector>

#include "papillon/autograd/gradcheck.hpp"
#include "papillon/autograd/gradcheck_numeric.hpp"

namespace papillon::detail {

// The Jacobian with respect to one input, or a sample of its rows and columns.
struct JacobianBlock {
  const FlatFunction* f = nullptr;
  std::size_t input = 0;
  FlatFunction::Values y;                  // the function's value
  std::vector<std::size_t> rows, columns;  // flat indices into output and x
  // rows x columns, row-major
  std::vector<double> analytic, numeric, scale;
  std::vector<Verdict> verdict;
};

// What the pattern of right and wrong entries suggests, in one line.
std::string likely_cause(const JacobianBlock& block);

// Judges an entry: sets its verdict.
void judge(GradcheckEntry& entry, const GradcheckOptions& options);

std::vector<std::size_t> unravel(std::size_t flat, const Shape& shape);

}  // namespace papillon::detail
