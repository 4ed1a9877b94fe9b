// One gradient check, from its options to its report. Not for users.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "papillon/autograd/gradcheck_detail.hpp"

namespace papillon::detail {

class Checker {
 public:
  // Throws ArgumentError for options and functions that no check could be made of.
  Checker(FlatFunction f, const GradcheckOptions& options);
  GradcheckReport run();

 private:
  using Values = FlatFunction::Values;

  // What is wrong with a function or its derivative before any number is compared.
  struct Defect : std::runtime_error {
    Defect(const std::string& what, std::string c)
        : std::runtime_error(what), cause(std::move(c)) {}
    std::string cause;
  };

  // gradcheck.cpp
  void guard_callbacks();
  void check_reproducible() const;
  Verdict check_directions();
  void check_tangent(const Values& w, const Values& v, const Values& g,
                     const std::vector<NumericDerivative>& numeric, double floor);
  void check_adjoint(double left, double right, double size);
  void find_what_was_not_compared();
  void finish();
  // gradcheck_jacobian.cpp
  void check_jacobian();
  template <class Analytic>
  void check_block(const char* check, std::size_t input, const std::vector<std::size_t>& rows,
                   const std::vector<std::size_t>& columns,
                   const std::vector<std::vector<NumericDerivative>>& numeric, Analytic analytic);
  void check_second_order();
  // gradcheck_single.cpp
  void check_single();
  void compare_single(const char* check, std::size_t input, const Values& exact,
                      const Values& single);

  // What the checks share. A problem is a reason against a pass that is not a number.
  void problem(Verdict verdict, std::string what, std::string cause);
  void add_cause(std::string cause);
  void record(GradcheckEntry entry);
  void judge_and_record(GradcheckEntry entry);
  Values random_values(std::size_t size, Purpose purpose, std::uint64_t index = 0) const;
  Values moved(const Values& direction, double h) const;

  FlatFunction f_;
  GradcheckOptions options_;
  GradcheckReport report_;
  Values y_, scale_;
  Verdict problems_ = Verdict::pass;  // the worst of them
  bool dot_product_failed_ = false;
};

}  // namespace papillon::detail
