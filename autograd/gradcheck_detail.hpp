// What the parts of gradcheck share. Not for users.
#pragma once

#include <string>
#include <vector>

#include "papillon/autograd/gradcheck.hpp"
#include "papillon/autograd/gradcheck_numeric.hpp"
#include "papillon/tensor/random_streams.hpp"

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

// A number in digits, or in words if it is infinite or none: "not a number".
std::string number(double value, int digits = 10);

std::vector<std::size_t> unravel(std::size_t flat, const Shape& shape);

double dot(const FlatFunction::Values& a, const FlatFunction::Values& b);
double largest(const FlatFunction::Values& v);  // absolute value of those that are finite
FlatFunction::Values unit(std::size_t size, std::size_t i);
bool same_bits(const FlatFunction::Values& a, const FlatFunction::Values& b);

// All of 0 ... size-1, or a random choice of them in order.
std::vector<std::size_t> choose(std::size_t size, std::size_t at_most, RandomStream stream);

// Of random sign, and in size between 0.5 and 1.5: no element is left out by bad luck.
FlatFunction::Values random_weights(std::size_t size, RandomStream stream);

// The scale of each element of x: its size, but not far below its tensor's.
FlatFunction::Values element_scales(const FlatFunction& f);

}  // namespace papillon::detail
