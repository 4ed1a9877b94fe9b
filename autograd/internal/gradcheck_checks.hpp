// The checks of gradcheck: each a function from the function under test to its findings. Private.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::detail {

using Values = FlatFunction::Values;

// The function under test at its point x, with what several checks need.
struct CheckedFunction : FlatFunction {
  // Evaluates the function. Throws ArgumentError for a description of the inputs that does not fit.
  CheckedFunction(FlatFunction f, const GradcheckOptions& options);

  Values random_weights(std::size_t size, Purpose purpose, std::uint64_t index = 0) const;
  // A random direction in x, each component in proportion to the scale of its element.
  Values random_direction(Purpose purpose, std::uint64_t index = 0) const;
  Values moved(const Values& direction, double h) const;  // x + h direction
  std::string input_label(std::size_t i) const;           // "0 \"x\" [2, 3]"

  Values y;      // value(x)
  Values scale;  // of each element of x: its size, but not far below that of its tensor
  std::uint64_t seed;
};

// Thrown where no number can be compared: a derivative that throws, or a result of a wrong size.
struct Defect : std::runtime_error {
  Defect(const std::string& description, std::string likely_cause)
      : std::runtime_error(description), cause(std::move(likely_cause)) {}
  std::string cause;
};

// From then on each callback returns the right number of numbers or throws a Defect.
void guard_callbacks(CheckedFunction& f);

// Two evaluations at the same point have the same bits; throws Defect.
void check_reproducible(const CheckedFunction& f);
// vjp and jvp along random direction k, and against each other (dot-product test).
GradcheckFindings check_direction(const CheckedFunction& f, const GradcheckOptions& options,
                                  std::uint64_t k);
// vjp and jvp entry by entry, with likely causes.
GradcheckFindings check_jacobian(const CheckedFunction& f, const GradcheckOptions& options);
// Whether the Jacobian has more entries than are checked.
bool jacobian_is_sampled(const CheckedFunction& f, const GradcheckOptions& options);
// H v = d/dh vjp(x + h v, w) against differences of vjp.
GradcheckFindings check_second_order(const CheckedFunction& f, const GradcheckOptions& options);
// Float against double from the same (rounded) inputs, so that only rounding of the op remains.
GradcheckFindings check_single(const CheckedFunction& f, const GradcheckOptions& options);

// Sets the verdict of an entry that has its numbers.
GradcheckEntry judged(GradcheckEntry entry, const GradcheckOptions& options);

// In digits, or in words where it is not finite: "not a number".
std::string number(double value, int digits = 10);
std::vector<std::size_t> unravel(std::size_t flat, const Shape& shape);
double dot(const Values& a, const Values& b);
double largest(const Values& v);  // absolute value among the finite ones

}  // namespace papillon::detail
