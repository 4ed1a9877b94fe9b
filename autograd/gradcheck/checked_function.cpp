// The function under test: its description, guarded callbacks, random vectors and scales.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "papillon/autograd/internal/gradcheck_checks.hpp"

namespace papillon::detail {
namespace {

void check_description(const FlatFunction& f, const GradcheckOptions& options) {
  if (!f.value || !f.vjp)
    throw ArgumentError("gradcheck: the function and its vjp must both be given");
  if (options.second_order && !f.second)
    throw ArgumentError("gradcheck: second_order is asked for, but there is no callback for it");
  std::size_t end = 0;
  for (const auto& in : f.inputs) {
    if (in.offset != end)
      throw ArgumentError(
          fmt::format("gradcheck: an input starts at element {} of x; must be {}", in.offset, end));
    end = in.end();
  }
  if (end != f.x.size())
    throw ArgumentError(
        fmt::format("gradcheck: the inputs have {} elements, but x has {}", end, f.x.size()));
}

Values element_scales(const FlatFunction& f) {
  Values scale(f.x.size());
  for (const auto& in : f.inputs) {
    double square = 0;
    for (std::size_t j = in.offset; j < in.end(); ++j)
      if (std::isfinite(f.x[j])) square += f.x[j] * f.x[j];
    const double rms = std::sqrt(square / static_cast<double>(in.end() - in.offset));
    for (std::size_t j = in.offset; j < in.end(); ++j) {
      const double s = std::max(std::abs(f.x[j]), rms / 10);
      scale[j] = s > 0 && std::isfinite(s) ? s : 1;
    }
  }
  return scale;
}

}  // namespace

CheckedFunction::CheckedFunction(FlatFunction f, const GradcheckOptions& options)
    : FlatFunction(std::move(f)), seed(options.seed) {
  if (inputs.empty())
    inputs.push_back(
        {options.input_names.empty() ? "" : options.input_names[0], Shape{x.size()}, 0});
  check_description(*this, options);
  y = value(x);
  if (element_count(output_shape) != y.size() || (output_shape.empty() && y.size() != 1))
    output_shape = Shape{y.size()};
  scale = element_scales(*this);
}

// Of random sign, and in size between 0.5 and 1.5, so that no element is left out by bad luck.
Values CheckedFunction::random_weights(std::size_t size, Purpose purpose,
                                       std::uint64_t index) const {
  Values v(size);
  fill_uniform<double>(random_stream(seed, purpose, index), 0, v);
  for (double& e : v) e = e < 0.5 ? e * 2 - 1.5 : e * 2 - 0.5;
  return v;
}

Values CheckedFunction::random_direction(Purpose purpose, std::uint64_t index) const {
  Values v = random_weights(x.size(), purpose, index);
  for (std::size_t j = 0; j < v.size(); ++j) v[j] *= scale[j];
  return v;
}

Values CheckedFunction::moved(const Values& direction, double h) const {
  Values to = x;
  for (std::size_t j = 0; j < to.size(); ++j) to[j] += h * direction[j];
  return to;
}

std::string CheckedFunction::input_label(std::size_t i) const {
  const std::string& name = inputs[i].name;
  return fmt::format("{}{} {}", i, name.empty() ? "" : " \"" + name + "\"",
                     to_string(inputs[i].shape));
}

void guard_callbacks(CheckedFunction& f) {
  enum class Result { output, tangent, gradient };
  const std::size_t m = f.y.size(), n = f.x.size();
  const auto likely_cause = [m](Result result, std::size_t wrong_size) {
    if (result == Result::output) return "the size of the output must not change";
    if (result == Result::tangent) return "the tangent must have the size of the output";
    return wrong_size == m ? "the gradient has the size of the output: broadcast not summed?"
                           : "the gradient must have the size of the input";
  };
  const auto guard = [=](auto& callback, const char* name, Result kind) {
    if (!callback) return;
    callback = [=, inner = std::move(callback)](auto... arguments) {
      Values result;
      try {
        result = inner(arguments...);
      } catch (const std::exception& error) {
        if (kind == Result::output) throw;
        throw Defect(fmt::format("a derivative threw: {}", error.what()),
                     "shapes: is the gradient that of the input (transpose missing, broadcast not "
                     "summed)?");
      }
      const bool gradient = kind == Result::gradient;
      if (const std::size_t size = gradient ? n : m; result.size() != size)
        throw Defect(fmt::format("{} returned {} numbers for {} {}", name, result.size(), size,
                                 gradient ? "inputs" : "outputs"),
                     likely_cause(kind, result.size()));
      return result;
    };
  };
  guard(f.value, "the function", Result::output);
  guard(f.single_value, "the function in float", Result::output);
  guard(f.vjp, "vjp", Result::gradient);
  guard(f.single_vjp, "vjp in float", Result::gradient);
  guard(f.jvp, "jvp", Result::tangent);
  guard(f.second, "second", Result::gradient);
}

GradcheckEntry judged(GradcheckEntry e, const GradcheckOptions& options) {
  const double difference = std::abs(e.analytic - e.numeric);
  if (!std::isfinite(e.error_bar) || e.kink) {
    e.verdict = Verdict::inconclusive;
  } else if (!std::isfinite(e.analytic) ||
             !(difference <= e.error_bar + options.tolerance * e.scale)) {
    e.verdict = Verdict::fail;
  } else {
    e.verdict = e.error_bar <= options.resolution * e.scale ? Verdict::pass : Verdict::inconclusive;
  }
  return e;
}

std::string number(double value, int digits) {
  if (std::isnan(value)) return "not a number";
  if (std::isinf(value)) return value > 0 ? "infinity" : "-infinity";
  return fmt::format("{:.{}g}", value + 0.0, digits);  // no -0
}

std::vector<std::size_t> unravel(std::size_t flat, const Shape& shape) {
  std::vector<std::size_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = flat % shape[axis];
    flat /= shape[axis];
  }
  return index;
}

double dot(const Values& a, const Values& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double largest(const Values& v) {
  double m = 0;
  for (double e : v)
    if (std::isfinite(e)) m = std::max(m, std::abs(e));
  return m;
}

}  // namespace papillon::detail
