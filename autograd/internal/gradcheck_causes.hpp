// From the pattern of wrong entries in a Jacobian to likely mistakes. Private.
#pragma once

#include <string>
#include <vector>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon::detail {

// The Jacobian with respect to one input, or a sample of its rows and columns.
struct JacobianBlock {
  const CheckedFunction& f;
  std::size_t input;
  std::vector<std::size_t> rows, columns;  // flat indices into output and x
  // rows x columns, row-major
  std::vector<double> analytic, numeric, scale;
  std::vector<Verdict> verdict;
};

// The first hypothesis about the mistake that holds, and the first about its place; one line.
std::string likely_cause(const JacobianBlock& block);

}  // namespace papillon::detail
