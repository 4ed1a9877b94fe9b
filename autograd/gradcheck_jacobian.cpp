// The checks entry by entry: the whole Jacobian, and second derivatives.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "papillon/autograd/gradcheck_checker.hpp"

namespace papillon::detail {

// Where is it wrong, and how?
void Checker::check_jacobian() {
  const auto before = report_;
  report_.entries = report_.failed = report_.inconclusive = 0;
  report_.findings.clear();
  const std::size_t m = y_.size(), n = f_.x.size();
  const auto rows =
      choose(m, options_.max_rows, random_stream(options_.seed, Purpose::gradcheck_rows));
  const auto columns =
      choose(n, options_.max_columns, random_stream(options_.seed, Purpose::gradcheck_columns));
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
    const auto place = [&](std::size_t column) {
      return std::lower_bound(columns.begin(), columns.end(), column) - columns.begin();
    };
    const auto first = place(begin), last = place(end);
    const auto block = [&](const char* check, auto analytic) {
      check_block(check, input, rows, {columns.begin() + first, columns.begin() + last},
                  {numeric.begin() + first, numeric.begin() + last}, analytic);
    };
    block("vjp", [&](std::size_t i, std::size_t j) { return by_vjp[i][columns[first + j]]; });
    if (f_.jvp)
      block("jvp", [&](std::size_t i, std::size_t j) { return by_jvp[first + j][rows[i]]; });
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
void Checker::check_block(const char* check, std::size_t input,
                          const std::vector<std::size_t>& rows,
                          const std::vector<std::size_t>& columns,
                          const std::vector<std::vector<NumericDerivative>>& numeric,
                          Analytic analytic) {
  JacobianBlock block;
  block.f = &f_;
  block.input = input;
  block.y = y_;
  block.rows = rows;
  block.columns = columns;
  double top = 0;
  for (const auto& column : numeric)
    for (std::size_t row : rows) top = largest({top, column[row].value});
  const double output = largest(y_);
  bool failed = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      GradcheckEntry entry(check, numeric[j][rows[i]], analytic(i, j));
      entry.input = input;
      entry.output_index = unravel(rows[i], f_.output_shape);
      entry.input_index = unravel(columns[j] - f_.inputs[input].offset, f_.inputs[input].shape);
      entry.scale = largest({entry.analytic, entry.numeric, entry.scale,
                             1e-3 * std::max(top, output / scale_[columns[j]])});
      block.analytic.push_back(entry.analytic);
      block.numeric.push_back(entry.numeric);
      block.scale.push_back(entry.scale);
      judge(entry, options_);
      block.verdict.push_back(entry.verdict);
      failed = failed || entry.verdict == Verdict::fail;
      record(std::move(entry));
    }
  }
  if (failed) {
    add_cause(
        fmt::format("{} of input {}: {}", check, report_.input_labels[input], likely_cause(block)));
  }
}

// H v = d/dh vjp(x + h v, w), against the same by differences.
void Checker::check_second_order() {
  const Values w = random_values(y_.size(), Purpose::gradcheck_second_weights);
  Values v = random_values(f_.x.size(), Purpose::gradcheck_second_direction);
  for (std::size_t j = 0; j < v.size(); ++j) v[j] *= scale_[j];
  const auto numeric = numeric_derivative([&](double h) { return f_.vjp(moved(v, h), w); }, 0.125);
  const Values analytic = f_.second(f_.x, w, v), g = f_.vjp(f_.x, w);
  for (std::size_t k = 0; k < f_.inputs.size(); ++k) {
    const auto& in = f_.inputs[k];
    const std::size_t end = in.offset + element_count(in.shape);
    double top = 0;
    for (std::size_t j = in.offset; j < end; ++j) top = largest({top, numeric[j].value, g[j]});
    for (std::size_t j = in.offset; j < end; ++j) {
      GradcheckEntry entry("second order", numeric[j], analytic[j]);
      entry.input = k;
      entry.input_index = unravel(j - in.offset, in.shape);
      entry.scale = largest({entry.analytic, entry.numeric, 1e-3 * top, entry.scale});
      judge_and_record(std::move(entry));
    }
  }
}

}  // namespace papillon::detail
