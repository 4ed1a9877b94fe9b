// The checks: determinism, random directions, the whole Jacobian, float, second derivatives.
#include "papillon/autograd/gradcheck.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include <fmt/format.h>

#include "papillon/autograd/gradcheck_detail.hpp"

namespace papillon {
namespace {

using Values = FlatFunction::Values;
using detail::choose;
using detail::dot;
using detail::JacobianBlock;
using detail::largest;
using detail::same_bits;
using detail::unit;

constexpr std::size_t max_findings = 20;

class Checker {
 public:
  Checker(FlatFunction f, const GradcheckOptions& options) : f_(std::move(f)), options_(options) {
    report_.op = options.op;
    report_.seed = options.seed;
    if (f_.inputs.empty()) {
      Shape shape{f_.x.size()};
      const std::string name = options.input_names.empty() ? "" : options.input_names[0];
      f_.inputs.push_back({name, shape, 0});
    }
    for (std::size_t i = 0; i < f_.inputs.size(); ++i) {
      const auto& in = f_.inputs[i];
      report_.input_labels.push_back(fmt::format(
          "{}{} {}", i, in.name.empty() ? "" : " \"" + in.name + "\"", to_string(in.shape)));
    }
  }

  GradcheckReport run() {
    y_ = f_.value(f_.x);
    if (element_count(f_.output_shape) != y_.size() ||
        (f_.output_shape.empty() && y_.size() != 1)) {
      f_.output_shape = Shape{y_.size()};
    }
    scale_ = detail::element_scales(f_);
    try {
      if (deterministic()) {
        const Verdict quick = check_directions();
        if (options_.full || quick != Verdict::pass) check_jacobian();
        if (f_.single_value) check_single();
        if (f_.second && report_.failed == 0) check_second_order();
      }
    } catch (const std::exception& error) {
      problem(
          fmt::format("a derivative threw: {}", error.what()),
          "shapes: is the gradient that of the input (transpose missing, broadcast not summed)?");
    }
    finish();
    return std::move(report_);
  }

 private:
  void problem(std::string what, std::string cause) {
    report_.problems.push_back(std::move(what));
    add_cause(std::move(cause));
  }
  void add_cause(std::string cause) {
    auto& causes = report_.causes;
    if (!cause.empty() && std::find(causes.begin(), causes.end(), cause) == causes.end()) {
      causes.push_back(std::move(cause));
    }
  }

  bool deterministic() {
    if (!same_bits(y_, f_.value(f_.x))) {
      problem("two evaluations at the same point differ",
              "the function is not deterministic: random numbers, uninitialised memory, or state");
      return false;
    }
    const Values w = random_values(y_.size(), 90);
    const Values first = f_.vjp(f_.x, w);
    if (first.size() != f_.x.size()) {
      const char* cause = first.size() == y_.size()
                              ? "the gradient has the size of the output: broadcast not summed?"
                              : "the gradient must have the size of the input";
      problem(fmt::format("vjp returned {} numbers for {} inputs", first.size(), f_.x.size()),
              cause);
      return false;
    }
    if (!same_bits(first, f_.vjp(f_.x, w))) {
      problem("two evaluations of vjp at the same point differ",
              "the vjp is not deterministic: does it accumulate into something that outlives it?");
      return false;
    }
    return true;
  }

  Values random_values(std::size_t size, std::uint64_t stream) const {
    return detail::random_weights(size, {options_.seed, stream});
  }

  void record(GradcheckEntry entry) {
    detail::judge(entry, options_);
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

  Values moved(const Values& direction, double h) const {
    Values x = f_.x;
    for (std::size_t j = 0; j < x.size(); ++j) x[j] += h * direction[j];
    return x;
  }

  // Along random directions v, seen through random weights w: vjp(w) · v, and jvp(v).
  Verdict check_directions() {
    for (int k = 0; k < options_.directions && !f_.x.empty(); ++k) {
      const auto stream = static_cast<std::uint64_t>(2 * k);
      const Values w = random_values(y_.size(), stream);
      Values v = random_values(f_.x.size(), stream + 1);
      for (std::size_t j = 0; j < v.size(); ++j) v[j] *= scale_[j];
      // The outputs, and after them their weighted sum.
      const auto curve = [&](double h) {
        Values y = f_.value(moved(v, h));
        y.push_back(dot(w, y));
        return y;
      };
      const auto numeric = numeric_derivative(curve, 0.125);
      const Values g = f_.vjp(f_.x, w);
      double size = 0;
      for (std::size_t j = 0; j < v.size(); ++j) size += std::pow(g[j] * v[j], 2);
      const double floor = 1e-3 * largest(y_);
      GradcheckEntry entry = directional("vjp", numeric.back(), dot(g, v));
      entry.scale = std::max({std::abs(entry.analytic), std::abs(entry.numeric),
                              std::isfinite(size) ? std::sqrt(size) : 0, floor});
      record(entry);
      if (f_.jvp) check_tangent(w, v, g, numeric, floor);
    }
    return report_.failed         ? Verdict::fail
           : report_.inconclusive ? Verdict::inconclusive
                                  : Verdict::pass;
  }

  static GradcheckEntry directional(const char* check, const NumericDerivative& d,
                                    double analytic) {
    GradcheckEntry entry;
    entry.check = check;
    entry.directional = true;
    fill(entry, d, analytic);
    return entry;
  }
  static void fill(GradcheckEntry& entry, const NumericDerivative& d, double analytic) {
    entry.analytic = analytic;
    entry.numeric = d.value;
    entry.error_bar = d.error_bar;
    entry.kink = d.kink;
    entry.jump = d.jump;
  }

  void check_tangent(const Values& w, const Values& v, const Values& g,
                     const std::vector<NumericDerivative>& numeric, double floor) {
    const Values t = f_.jvp(f_.x, v);
    if (t.size() != y_.size()) {
      problem(fmt::format("jvp returned {} numbers for {} outputs", t.size(), y_.size()),
              "the tangent must have the size of the output");
      return;
    }
    double top = largest(t);
    for (std::size_t i = 0; i < t.size(); ++i) top = std::max(top, std::abs(numeric[i].value));
    for (std::size_t i = 0; i < t.size(); ++i) {
      GradcheckEntry entry = directional("jvp", numeric[i], t[i]);
      entry.output_index = detail::unravel(i, f_.output_shape);
      entry.scale =
          std::max({std::abs(t[i]), std::abs(entry.numeric), 1e-3 * std::max(top, 0.0), floor});
      record(entry);
    }
    // The dot-product test needs no differences: w · (J v) = (Jᵀ w) · v to rounding.
    double size = 0;
    for (std::size_t i = 0; i < t.size(); ++i) size += std::abs(w[i] * t[i]);
    for (std::size_t j = 0; j < v.size(); ++j) size += std::abs(g[j] * v[j]);
    const double left = dot(w, t), right = dot(g, v);
    if (!(std::abs(left - right) <= 1e-10 * size)) {
      dot_product_failed_ = true;
      report_.problems.push_back(fmt::format(
          "dot-product test: w · jvp(v) = {:.10g}, but vjp(w) · v = {:.10g}", left, right));
    }
  }

  // Entry by entry: where is it wrong, and how?
  void check_jacobian() {
    const auto before = report_;
    report_.entries = report_.failed = report_.inconclusive = 0;
    report_.findings.clear();
    const std::size_t m = y_.size(), n = f_.x.size();
    const auto rows = choose(m, options_.max_rows, {options_.seed, 91});
    const auto columns = choose(n, options_.max_columns, {options_.seed, 92});
    std::vector<Values> by_vjp(rows.size()), by_jvp(columns.size());
    for (std::size_t i = 0; i < rows.size(); ++i) by_vjp[i] = f_.vjp(f_.x, unit(m, rows[i]));
    std::vector<std::vector<NumericDerivative>> numeric(columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const Values e = unit(n, columns[j]);
      if (f_.jvp) by_jvp[j] = f_.jvp(f_.x, e);
      // Powers of two, so that x + h is x plus h.
      const double step = std::exp2(std::floor(std::log2(scale_[columns[j]])) - 3);
      numeric[j] = numeric_derivative([&](double h) { return f_.value(moved(e, h)); }, step);
    }
    for (std::size_t input = 0; input < f_.inputs.size(); ++input) {
      const std::size_t begin = f_.inputs[input].offset;
      const std::size_t end = begin + element_count(f_.inputs[input].shape);
      const std::size_t first = static_cast<std::size_t>(
          std::lower_bound(columns.begin(), columns.end(), begin) - columns.begin());
      const std::size_t last = static_cast<std::size_t>(
          std::lower_bound(columns.begin(), columns.end(), end) - columns.begin());
      check_block("vjp", input, rows, {columns.begin() + first, columns.begin() + last},
                  {numeric.begin() + first, numeric.begin() + last},
                  [&](std::size_t i, std::size_t j) { return by_vjp[i][columns[first + j]]; });
      if (!f_.jvp) continue;
      check_block("jvp", input, rows, {columns.begin() + first, columns.begin() + last},
                  {numeric.begin() + first, numeric.begin() + last},
                  [&](std::size_t i, std::size_t j) { return by_jvp[first + j].at(rows[i]); });
    }
    if (before.failed && !report_.failed) {
      // Right for each unit vector, wrong for their sum.
      report_.findings = before.findings;
      report_.failed = before.failed;
      report_.worst = before.worst;
      const bool sampled = rows.size() < m || columns.size() < n;
      add_cause(sampled ? "wrong in an entry outside the sample of the Jacobian that was checked"
                        : "the derivative is not linear in its vector (w of vjp, v of jvp)");
    }
  }

  template <class Analytic>
  void check_block(const char* check, std::size_t input, const std::vector<std::size_t>& rows,
                   const std::vector<std::size_t>& columns,
                   const std::vector<std::vector<NumericDerivative>>& numeric, Analytic analytic) {
    JacobianBlock block;
    block.f = &f_;
    block.input = input;
    block.y = y_;
    block.rows = rows;
    block.columns = columns;
    double top = 0;
    for (const auto& column : numeric) {
      for (std::size_t row : rows) {
        if (std::isfinite(column[row].value)) top = std::max(top, std::abs(column[row].value));
      }
    }
    const double output = largest(y_);
    bool failed = false;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t j = 0; j < columns.size(); ++j) {
        GradcheckEntry entry;
        entry.check = check;
        entry.input = input;
        entry.output_index = detail::unravel(rows[i], f_.output_shape);
        entry.input_index =
            detail::unravel(columns[j] - f_.inputs[input].offset, f_.inputs[input].shape);
        fill(entry, numeric[j][rows[i]], analytic(i, j));
        entry.scale = std::max({std::abs(entry.analytic), std::abs(entry.numeric),
                                1e-3 * std::max(top, output / scale_[columns[j]])});
        block.analytic.push_back(entry.analytic);
        block.numeric.push_back(entry.numeric);
        block.scale.push_back(entry.scale);
        detail::judge(entry, options_);
        block.verdict.push_back(entry.verdict);
        failed = failed || entry.verdict == Verdict::fail;
        record(std::move(entry));
      }
    }
    if (failed) {
      add_cause(fmt::format("{} of input {}: {}", check, report_.input_labels[input],
                            detail::likely_cause(block)));
    }
  }

  // Float against double, from the same (rounded) inputs: only the op's own rounding remains.
  void check_single() {
    Values x = f_.x;
    for (double& v : x) v = static_cast<float>(v);
    Values w = random_values(y_.size(), 93);
    for (double& v : w) v = static_cast<float>(v);
    compare_single("value", f_.value(x), f_.single_value(x));
    const Values exact = f_.vjp(x, w), single = f_.single_vjp(x, w);
    if (exact.size() != single.size()) return compare_single("vjp", exact, single);
    for (const auto& in : f_.inputs) {
      const auto begin = static_cast<std::ptrdiff_t>(in.offset);
      const auto end = begin + static_cast<std::ptrdiff_t>(element_count(in.shape));
      compare_single("vjp", {exact.begin() + begin, exact.begin() + end},
                     {single.begin() + begin, single.begin() + end});
    }
  }
  void compare_single(const char* what, const Values& exact, const Values& single) {
    const double size = largest(exact);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (i < single.size() && (single[i] == exact[i] || std::abs(single[i] - exact[i]) <=
                                                             options_.float_tolerance * size)) {
        continue;
      }
      problem(fmt::format("{} in float differs from double at element {}: {:.8g}, not {:.8g}", what,
                          i, i < single.size() ? single[i] : 0.0, exact[i]),
              "float and double take different paths, or float cancels or overflows");
      return;
    }
  }

  // H v = d/dh vjp(x + h v, w), against the same by differences.
  void check_second_order() {
    const Values w = random_values(y_.size(), 94);
    Values v = random_values(f_.x.size(), 95);
    for (std::size_t j = 0; j < v.size(); ++j) v[j] *= scale_[j];
    const auto numeric =
        numeric_derivative([&](double h) { return f_.vjp(moved(v, h), w); }, 0.125);
    const Values analytic = f_.second(f_.x, w, v), g = f_.vjp(f_.x, w);
    for (std::size_t k = 0; k < f_.inputs.size(); ++k) {
      const auto& in = f_.inputs[k];
      const std::size_t n = element_count(in.shape);
      double top = 0;
      for (std::size_t j = in.offset; j < in.offset + n; ++j) {
        top = std::max({top, std::abs(numeric[j].value), std::abs(g[j])});
      }
      for (std::size_t j = in.offset; j < in.offset + n; ++j) {
        GradcheckEntry entry;
        entry.check = "second order";
        entry.input = k;
        entry.input_index = detail::unravel(j - in.offset, in.shape);
        fill(entry, numeric[j], analytic.at(j));
        entry.scale = std::max({std::abs(entry.analytic), std::abs(entry.numeric), 1e-3 * top});
        record(std::move(entry));
      }
    }
  }

  void finish() {
    if (dot_product_failed_ && !report_.failed && !report_.inconclusive) {
      add_cause("vjp and jvp are not adjoint to each other");
    }
    if (report_.failed || !report_.problems.empty()) {
      report_.verdict = Verdict::fail;
    } else if (report_.inconclusive) {
      report_.verdict = Verdict::inconclusive;
      const bool kink = std::any_of(report_.findings.begin(), report_.findings.end(),
                                    [](const auto& e) { return e.kink; });
      add_cause(kink ? "a kink: check at a point beside it"
                     : "too noisy, discontinuous, or not finite nearby: check at another point");
    }
  }

  FlatFunction f_;
  GradcheckOptions options_;
  GradcheckReport report_;
  Values y_, scale_;
  bool dot_product_failed_ = false;
};

}  // namespace

GradcheckReport gradcheck_flat(FlatFunction f, const GradcheckOptions& options) {
  return Checker(std::move(f), options).run();
}

}  // namespace papillon
