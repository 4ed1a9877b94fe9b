// The checks: determinism, random directions, and what a report says in the end.
#include "papillon/autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "papillon/autograd/gradcheck_checker.hpp"

namespace papillon {
namespace detail {
namespace {

constexpr std::size_t max_findings = 20;

void check_options(const GradcheckOptions& o) {
  for (const auto& [name, value] : {std::pair{"tolerance", o.tolerance},
                                    {"resolution", o.resolution},
                                    {"float_tolerance", o.float_tolerance}}) {
    if (!(value >= 0 && std::isfinite(value)))
      throw ArgumentError(
          fmt::format("gradcheck: {} is {}; must be a number of at least 0", name, number(value)));
  }
  if (o.directions < 0)
    throw ArgumentError(
        fmt::format("gradcheck: directions is {}; must be at least 0", o.directions));
  if (o.max_rows == 0 || o.max_columns == 0)
    throw ArgumentError("gradcheck: max_rows and max_columns must be at least 1");
}

void check_function(const FlatFunction& f, const GradcheckOptions& options) {
  if (!f.value || !f.vjp)
    throw ArgumentError("gradcheck: the function and its vjp must both be given");
  if (options.second_order && !f.second)
    throw ArgumentError("gradcheck: second_order is asked for, but there is no callback for it");
  std::size_t end = 0;
  for (const auto& in : f.inputs) {
    if (in.offset != end)
      throw ArgumentError(
          fmt::format("gradcheck: an input starts at element {} of x; must be {}", in.offset, end));
    end += element_count(in.shape);
  }
  if (end != f.x.size())
    throw ArgumentError(
        fmt::format("gradcheck: the inputs have {} elements, but x has {}", end, f.x.size()));
}

}  // namespace

Checker::Checker(FlatFunction f, const GradcheckOptions& options)
    : f_(std::move(f)), options_(options) {
  report_.op = options.op;
  report_.seed = options.seed;
  if (f_.inputs.empty()) {
    Shape shape{f_.x.size()};
    const std::string name = options.input_names.empty() ? "" : options.input_names[0];
    f_.inputs.push_back({name, shape, 0});
  }
  check_options(options);
  check_function(f_, options);
  for (std::size_t i = 0; i < f_.inputs.size(); ++i) {
    const auto& in = f_.inputs[i];
    report_.input_labels.push_back(fmt::format(
        "{}{} {}", i, in.name.empty() ? "" : " \"" + in.name + "\"", to_string(in.shape)));
  }
}

GradcheckReport Checker::run() {
  y_ = f_.value(f_.x);
  if (element_count(f_.output_shape) != y_.size() || (f_.output_shape.empty() && y_.size() != 1)) {
    f_.output_shape = Shape{y_.size()};
  }
  scale_ = element_scales(f_);
  guard_callbacks();
  try {
    check_reproducible();
    if (!f_.x.empty() && !y_.empty()) {
      const Verdict quick = check_directions();
      if (options_.full || quick != Verdict::pass) check_jacobian();
      if (f_.second && report_.failed == 0) check_second_order();
      if (f_.single_value) check_single();
    }
  } catch (const Defect& defect) {
    problem(Verdict::fail, defect.what(), defect.cause);
  }
  finish();
  return std::move(report_);
}

// From here on, every callback returns the right number of numbers or throws a Defect, and so does
// a derivative that throws. An exception of the function itself is passed on.
void Checker::guard_callbacks() {
  const auto guard = [](auto& callback, const char* name, std::size_t size, const char* of,
                        bool derivative, auto cause) {
    if (!callback) return;
    callback = [=, inner = std::move(callback)](auto... arguments) {
      Values result;
      try {
        result = inner(arguments...);
      } catch (const std::exception& error) {
        if (!derivative) throw;
        throw Defect(fmt::format("a derivative threw: {}", error.what()),
                     "shapes: is the gradient that of the input (transpose missing, broadcast not "
                     "summed)?");
      }
      if (result.size() != size)
        throw Defect(fmt::format("{} returned {} numbers for {} {}", name, result.size(), size, of),
                     cause(result.size()));
      return result;
    };
  };
  const std::size_t m = y_.size(), n = f_.x.size();
  const auto output = [](std::size_t) { return "the size of the output must not change"; };
  const auto tangent = [](std::size_t) { return "the tangent must have the size of the output"; };
  const auto gradient = [m](std::size_t size) {
    return size == m ? "the gradient has the size of the output: broadcast not summed?"
                     : "the gradient must have the size of the input";
  };
  guard(f_.value, "the function", m, "outputs", false, output);
  guard(f_.single_value, "the function in float", m, "outputs", false, output);
  guard(f_.vjp, "vjp", n, "inputs", true, gradient);
  guard(f_.single_vjp, "vjp in float", n, "inputs", true, gradient);
  guard(f_.jvp, "jvp", m, "outputs", true, tangent);
  guard(f_.second, "second", n, "inputs", true, gradient);
}

void Checker::check_reproducible() const {
  if (!same_bits(y_, f_.value(f_.x)))
    throw Defect(
        "two evaluations at the same point differ",
        "the function is not deterministic: random numbers, uninitialised memory, or state");
  const Values w = random_values(y_.size(), Purpose::gradcheck_determinism);
  if (!same_bits(f_.vjp(f_.x, w), f_.vjp(f_.x, w)))
    throw Defect(
        "two evaluations of vjp at the same point differ",
        "the vjp is not deterministic: does it accumulate into something that outlives it?");
  if (f_.jvp) f_.jvp(f_.x, random_values(f_.x.size(), Purpose::gradcheck_determinism));  // its size
}

// Along random directions v, seen through random weights w: vjp(w) · v, and jvp(v).
Verdict Checker::check_directions() {
  for (int k = 0; k < options_.directions; ++k) {
    const auto direction = static_cast<std::uint64_t>(k);
    const Values w = random_values(y_.size(), Purpose::gradcheck_weights, direction);
    Values v = random_values(f_.x.size(), Purpose::gradcheck_directions, direction);
    for (std::size_t j = 0; j < v.size(); ++j) v[j] *= scale_[j];
    // The outputs, and after them their weighted sum.
    const auto curve = [&](double h) {
      Values y = f_.value(moved(v, h));
      y.push_back(dot(w, y));
      return y;
    };
    const auto numeric = numeric_derivative(curve, 0.125);
    const Values g = f_.vjp(f_.x, w);
    double square = 0;
    for (std::size_t j = 0; j < v.size(); ++j) square += std::pow(g[j] * v[j], 2);
    const double floor = 1e-3 * largest(y_);
    GradcheckEntry entry("vjp", numeric.back(), dot(g, v));
    entry.directional = true;
    entry.scale = largest({entry.analytic, entry.numeric, std::sqrt(square), floor, entry.scale});
    judge_and_record(entry);
    if (f_.jvp) check_tangent(w, v, g, numeric, floor);
  }
  return report_.failed         ? Verdict::fail
         : report_.inconclusive ? Verdict::inconclusive
                                : Verdict::pass;
}

void Checker::check_tangent(const Values& w, const Values& v, const Values& g,
                            const std::vector<NumericDerivative>& numeric, double floor) {
  const Values t = f_.jvp(f_.x, v);
  double top = largest(t);
  for (std::size_t i = 0; i < t.size(); ++i) top = largest({top, numeric[i].value});
  for (std::size_t i = 0; i < t.size(); ++i) {
    GradcheckEntry entry("jvp", numeric[i], t[i]);
    entry.directional = true;
    entry.output_index = unravel(i, f_.output_shape);
    entry.scale = largest({t[i], entry.numeric, 1e-3 * top, floor, entry.scale});
    judge_and_record(entry);
  }
  double size = 0;
  for (std::size_t i = 0; i < t.size(); ++i) size += std::abs(w[i] * t[i]);
  for (std::size_t j = 0; j < v.size(); ++j) size += std::abs(g[j] * v[j]);
  check_adjoint(dot(w, t), dot(g, v), size);
}

// The dot-product test needs no differences: w · (J v) = (Jᵀ w) · v to rounding.
void Checker::check_adjoint(double left, double right, double size) {
  const bool finite = std::isfinite(left) && std::isfinite(right);
  // Where neither is finite there is nothing to compare; the entries tell what is infinite.
  if (finite ? std::abs(left - right) <= 1e-10 * size
             : std::isfinite(left) == std::isfinite(right)) {
    return;
  }
  dot_product_failed_ = true;
  problem(Verdict::fail,
          fmt::format("dot-product test: w · jvp(v) = {}, but vjp(w) · v = {}", number(left),
                      number(right)),
          "");
}

void Checker::problem(Verdict verdict, std::string what, std::string cause) {
  problems_ = std::max(problems_, verdict);
  report_.problems.push_back(std::move(what));
  add_cause(std::move(cause));
}

void Checker::add_cause(std::string cause) {
  auto& causes = report_.causes;
  if (!cause.empty() && std::find(causes.begin(), causes.end(), cause) == causes.end()) {
    causes.push_back(std::move(cause));
  }
}

FlatFunction::Values Checker::random_values(std::size_t size, Purpose purpose,
                                            std::uint64_t index) const {
  return random_weights(size, random_stream(options_.seed, purpose, index));
}

FlatFunction::Values Checker::moved(const Values& direction, double h) const {
  Values x = f_.x;
  for (std::size_t j = 0; j < x.size(); ++j) x[j] += h * direction[j];
  return x;
}

void Checker::judge_and_record(GradcheckEntry entry) {
  judge(entry, options_);
  record(std::move(entry));
}

void Checker::record(GradcheckEntry entry) {
  ++report_.entries;
  report_.failed += entry.verdict == Verdict::fail;
  report_.inconclusive += entry.verdict == Verdict::inconclusive;
  const auto worse = [](const GradcheckEntry& a, const GradcheckEntry& b) {
    if (a.verdict != b.verdict) return a.verdict > b.verdict;
    return !(a.error() <= b.error());  // NaN is worst
  };
  if (report_.entries == 1 || worse(entry, report_.worst)) report_.worst = entry;
  if (entry.verdict == Verdict::pass) return;
  auto& findings = report_.findings;
  findings.insert(std::upper_bound(findings.begin(), findings.end(), entry, worse),
                  std::move(entry));
  if (findings.size() > max_findings) findings.pop_back();
}

// A check that compared nothing has not passed.
void Checker::find_what_was_not_compared() {
  for (std::size_t j = 0; j < f_.x.size(); ++j) {
    if (std::isfinite(f_.x[j])) continue;
    problem(Verdict::inconclusive,
            fmt::format("element {} of the inputs is {}: no difference can be taken there", j,
                        number(f_.x[j])),
            "check at a finite point");
    break;
  }
  if (report_.entries > 0 || problems_ == Verdict::fail) return;
  const char* why = f_.x.empty() ? "the function has no inputs with elements"
                    : y_.empty() ? "the function has no outputs with elements"
                                 : "directions is 0, and full is off";
  problem(Verdict::inconclusive, fmt::format("nothing was compared: {}", why), "");
}

void Checker::finish() {
  find_what_was_not_compared();
  if (dot_product_failed_ && !report_.failed && !report_.inconclusive) {
    add_cause("vjp and jvp are not adjoint to each other");
  }
  report_.verdict = std::max(problems_, report_.failed         ? Verdict::fail
                                        : report_.inconclusive ? Verdict::inconclusive
                                                               : Verdict::pass);
  if (report_.verdict == Verdict::inconclusive && report_.inconclusive) {
    const bool kink = std::any_of(report_.findings.begin(), report_.findings.end(),
                                  [](const auto& e) { return e.kink; });
    add_cause(kink ? "a kink: check at a point beside it"
                   : "too noisy, discontinuous, or not finite nearby: check at another point");
  }
}

}  // namespace detail

GradcheckReport gradcheck_flat(FlatFunction f, const GradcheckOptions& options) {
  return detail::Checker(std::move(f), options).run();
}

}  // namespace papillon
