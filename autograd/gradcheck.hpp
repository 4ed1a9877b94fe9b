// A gradient checker that tells the truth: derivatives against differences with error bars.
//
//   auto report = gradcheck([](const auto& in) { return mul(in[0], exp(in[1])); }, {x, y});
//   if (!report.passed()) std::cerr << report.text();
//
// The function takes a vector of Vars and returns one Var of any shape. It is checked in double;
// written for any Var (const auto&), it is also run in float and compared. A foreign adjoint needs
// no Var at all: gradcheck_callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "papillon/autograd/gradient.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon {

// inconclusive: the function has a kink here, is not finite nearby or in float, or is too noisy to
// tell; or nothing was compared.
enum class Verdict { pass, inconclusive, fail };
const char* to_string(Verdict verdict);

struct GradcheckOptions {
  std::string op = "function";             // its name in the report
  std::vector<std::string> input_names{};  // may be shorter than the inputs
  std::uint64_t seed = 0;                  // of the random directions
  int directions = 2;                      // random directions of the quick mode
  bool full = false;                       // the whole Jacobian even if the quick mode passes
  bool second_order = false;               // also the Hessian of w · f, against differences of vjp
  // Relative to the entry, or where that is more, to a thousandth of the largest entry or of the
  // function's slopes nearby:
  double tolerance = 1e-8;        // by how much analytic may miss numeric beyond its error bar
  double resolution = 1e-5;       // a wider error bar is inconclusive
  double float_tolerance = 1e-4;  // float against double, relative to the largest element
  // A larger Jacobian is sampled: this many rows (outputs) and columns (inputs) are checked.
  std::size_t max_rows = 256, max_columns = 1024;
};

struct NumericDerivative;

// One number that was compared.
struct GradcheckEntry {
  GradcheckEntry() = default;
  GradcheckEntry(const char* check, const NumericDerivative& numeric, double analytic);

  std::string check;  // "vjp", "jvp", "second order"; "float value", "float vjp" where they differ
  Verdict verdict = Verdict::pass;
  bool directional = false;  // along a random direction: input and the indices mean nothing
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

struct GradcheckReport {
  std::string op;
  Verdict verdict = Verdict::inconclusive;
  std::uint64_t seed = 0;
  std::size_t entries = 0, failed = 0, inconclusive = 0;  // numbers compared
  GradcheckEntry worst;                   // the largest error() among the worst verdict
  std::vector<GradcheckEntry> findings;   // what did not pass, the worst first, at most 20
  std::vector<std::string> problems;      // reasons without a number: not deterministic, ...
  std::vector<std::string> causes;        // likely ones
  std::vector<std::string> input_labels;  // "0 \"x\" [2, 3]"

  bool passed() const { return verdict == Verdict::pass; }
  std::string text() const;  // one line if it passed
};

// A differentiable function of one flat vector, by callbacks: what gradcheck works on.
struct FlatFunction {
  using Span = std::span<const double>;
  using Values = std::vector<double>;
  struct Input {
    std::string name;
    Shape shape;
    std::size_t offset;
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

// Throws ArgumentError for options that nothing can be checked with, or callbacks that are missing.
// A derivative that throws has failed; an exception of the function itself is passed on.
GradcheckReport gradcheck_flat(FlatFunction f, const GradcheckOptions& options = {});

// A foreign adjoint: forward(x), vjp(x, w) = Jᵀ w, and maybe jvp(x, v) = J v.
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
