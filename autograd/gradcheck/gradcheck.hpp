// Gradient checker: compares derivatives with finite differences that have error bars.
//
//   auto report = gradcheck([](const auto& in) { return mul(in[0], exp(in[1])); }, {x, y});
//   if (!report.passed()) std::cerr << report.text();
//
// The function takes a vector of Vars and returns one Var of any shape. It is checked in double;
// written for any Var (const auto&), it is also run in float and compared. An adjoint that was
// written elsewhere needs no Var: gradcheck_callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "papillon/autograd/gradcheck/report.hpp"
#include "papillon/autograd/gradient.hpp"

namespace papillon {

struct GradcheckOptions {
  std::string op = "function";             // its name in the report
  std::vector<std::string> input_names{};  // may be shorter than the inputs
  std::uint64_t seed = 0;                  // of the random directions
  int directions = 2;                      // random directions of the quick check
  bool full = false;                       // the whole Jacobian even if the quick check passes
  bool second_order = false;               // also the Hessian of w · f, against differences of vjp
  // Relative to the entry, or if that is larger, to a thousandth of the largest entry or of the
  // function's slopes nearby:
  double tolerance = 1e-8;        // by how much analytic may miss numeric beyond its error bar
  double resolution = 1e-5;       // a wider error bar is inconclusive
  double float_tolerance = 1e-4;  // float against double, relative to the largest element
  // A larger Jacobian is sampled: this many rows (outputs) and columns (inputs) are checked.
  std::size_t max_rows = 256, max_columns = 1024;
};

// A differentiable function of one flat vector, as callbacks. Every check works on this alone, so
// functions on Vars, of other libraries and in other languages are all checked in the same way.
struct FlatFunction {
  using Span = std::span<const double>;
  using Values = std::vector<double>;
  struct Input {
    std::string name;
    Shape shape;
    std::size_t offset;

    std::size_t end() const { return offset + element_count(shape); }
  };
  std::vector<Input> inputs;  // how x divides into tensors; filled in if empty
  Shape output_shape;         // [size] if it does not fit
  Values x;
  std::function<Values(Span x)> value;
  std::function<Values(Span x, Span w)> vjp;
  std::function<Values(Span x, Span v)> jvp;             // optional
  std::function<Values(Span x, Span w, Span v)> second;  // optional: d vjp(x, w) · v
  std::function<Values(Span x)> single_value;            // optional: in float
  std::function<Values(Span x, Span w)> single_vjp;      // optional
};

// Throws ArgumentError for invalid options and missing callbacks. A derivative that throws has
// failed; an exception of the function itself is passed on.
GradcheckReport gradcheck_flat(FlatFunction f, const GradcheckOptions& options = {});

// An adjoint written elsewhere: forward(x), vjp(x, w) = Jᵀ w, and optionally jvp(x, v) = J v.
struct GradcheckCallbacks {
  std::function<std::vector<double>(std::span<const double> x)> forward;
  std::function<std::vector<double>(std::span<const double> x, std::span<const double> w)> vjp;
  std::function<std::vector<double>(std::span<const double> x, std::span<const double> v)> jvp;
};
GradcheckReport gradcheck_callbacks(const GradcheckCallbacks& callbacks, std::span<const double> x,
                                    const GradcheckOptions& options = {});

template <class T>
using VarFunction = std::function<Var<T>(const std::vector<Var<T>>&)>;

GradcheckReport gradcheck_vars(const VarFunction<double>& f, const VarFunction<float>& single,
                               const std::vector<Tensor<double>>& inputs,
                               const GradcheckOptions& options = {});

template <class F>
GradcheckReport gradcheck(const F& f, const std::vector<Tensor<double>>& inputs,
                          const GradcheckOptions& options = {}) {
  VarFunction<float> single;
  if constexpr (std::is_invocable_r_v<Var<float>, const F&, const std::vector<Var<float>>&>) {
    single = f;
  }
  return gradcheck_vars(f, single, inputs, options);
}

}  // namespace papillon
