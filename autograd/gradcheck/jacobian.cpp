// The checks entry by entry: the whole Jacobian, and second derivatives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "papillon/autograd/internal/gradcheck_causes.hpp"

namespace papillon::detail {
namespace {

using Indices = std::vector<std::size_t>;

// All of 0 ... size-1, or a random choice of them in order.
Indices choose(std::size_t size, std::size_t at_most, RandomStream stream) {
  Indices chosen(size);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (size <= at_most) return chosen;
  const auto order = random_permutation(size, stream);
  chosen.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(at_most));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Values unit(std::size_t size, std::size_t i) {
  Values e(size);
  e[i] = 1;
  return e;
}

// Compares the block's analytic entries with numeric[column][output].
GradcheckFindings compare_block(const char* check, JacobianBlock block,
                                const std::vector<std::vector<NumericDerivative>>& numeric,
                                const GradcheckOptions& options) {
  GradcheckFindings findings;
  const CheckedFunction& f = block.f;
  const FlatFunction::Input& input = f.inputs[block.input];
  double top = 0;
  for (const std::size_t column : block.columns)
    for (const std::size_t row : block.rows) top = largest({top, numeric[column][row].value});
  const double output = largest(f.y);
  for (const std::size_t row : block.rows) {
    for (const std::size_t column : block.columns) {
      const double analytic = block.analytic[block.numeric.size()];
      GradcheckEntry entry(check, numeric[column][row], analytic);
      entry.input = block.input;
      entry.output_index = unravel(row, f.output_shape);
      entry.input_index = unravel(column - input.offset, input.shape);
      entry.scale = largest({entry.analytic, entry.numeric, entry.scale,
                             1e-3 * std::max(top, output / f.scale[column])});
      entry = judged(std::move(entry), options);
      block.numeric.push_back(entry.numeric);
      block.scale.push_back(entry.scale);
      block.verdict.push_back(entry.verdict);
      findings.add(std::move(entry));
    }
  }
  if (findings.failed)
    findings.add_cause(
        fmt::format("{} of input {}: {}", check, f.input_label(block.input), likely_cause(block)));
  return findings;
}

}  // namespace

bool jacobian_is_sampled(const CheckedFunction& f, const GradcheckOptions& options) {
  return f.y.size() > options.max_rows || f.x.size() > options.max_columns;
}

GradcheckFindings check_jacobian(const CheckedFunction& f, const GradcheckOptions& options) {
  const std::size_t m = f.y.size(), n = f.x.size();
  const Indices rows = choose(m, options.max_rows, random_stream(f.seed, Purpose::gradcheck_rows));
  const Indices columns =
      choose(n, options.max_columns, random_stream(f.seed, Purpose::gradcheck_columns));
  // By the flat index of an output or of an element of x; empty for those that are not chosen.
  std::vector<Values> by_vjp(m), by_jvp(n);
  std::vector<std::vector<NumericDerivative>> numeric(n);
  for (const std::size_t i : rows) by_vjp[i] = f.vjp(f.x, unit(m, i));
  for (const std::size_t j : columns) {
    const Values e = unit(n, j);
    if (f.jvp) by_jvp[j] = f.jvp(f.x, e);
    // Powers of two, so that x + h is x plus h.
    const double step = std::exp2(std::floor(std::log2(f.scale[j])) - 3);
    numeric[j] = numeric_derivative([&](double h) { return f.value(f.moved(e, h)); }, step);
  }
  GradcheckFindings findings;
  for (std::size_t input = 0; input < f.inputs.size(); ++input) {
    const auto at = [&](std::size_t j) {
      return std::lower_bound(columns.begin(), columns.end(), j);
    };
    JacobianBlock block{f,  input, rows, {at(f.inputs[input].offset), at(f.inputs[input].end())},
                        {}, {},    {},   {}};
    JacobianBlock tangents = block;
    for (const std::size_t i : rows)
      for (const std::size_t j : block.columns) {
        block.analytic.push_back(by_vjp[i][j]);
        if (f.jvp) tangents.analytic.push_back(by_jvp[j][i]);
      }
    findings.add(compare_block("vjp", std::move(block), numeric, options));
    if (f.jvp) findings.add(compare_block("jvp", std::move(tangents), numeric, options));
  }
  return findings;
}

GradcheckFindings check_second_order(const CheckedFunction& f, const GradcheckOptions& options) {
  GradcheckFindings findings;
  const Values w = f.random_weights(f.y.size(), Purpose::gradcheck_second_weights);
  const Values v = f.random_direction(Purpose::gradcheck_second_direction);
  const auto numeric = numeric_derivative([&](double h) { return f.vjp(f.moved(v, h), w); }, 0.125);
  const Values analytic = f.second(f.x, w, v), g = f.vjp(f.x, w);
  for (std::size_t k = 0; k < f.inputs.size(); ++k) {
    const auto& in = f.inputs[k];
    double top = 0;
    for (std::size_t j = in.offset; j < in.end(); ++j) top = largest({top, numeric[j].value, g[j]});
    for (std::size_t j = in.offset; j < in.end(); ++j) {
      GradcheckEntry entry("second order", numeric[j], analytic[j]);
      entry.input = k;
      entry.input_index = unravel(j - in.offset, in.shape);
      entry.scale = largest({entry.analytic, entry.numeric, 1e-3 * top, entry.scale});
      findings.add(judged(std::move(entry), options));
    }
  }
  return findings;
}

}  // namespace papillon::detail
