#include "papillon/autograd/internal/gradcheck_causes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace papillon::detail {
namespace {

bool close(double a, double b) {
  return std::isfinite(b) && std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

// The entries that are wrong and those that are right, by their place k in the block.
struct Pattern {
  explicit Pattern(const JacobianBlock& b) : block(b) {
    for (std::size_t k = 0; k < b.verdict.size(); ++k) {
      if (b.verdict[k] == Verdict::fail) wrong.push_back(k);
      if (b.verdict[k] == Verdict::pass) right.push_back(k);
    }
    for (const std::size_t k : wrong) {
      if (numeric(k) == 0) continue;
      low = std::min(low, ratio(k));
      high = std::max(high, ratio(k));
    }
  }

  double analytic(std::size_t k) const { return block.analytic[k]; }
  double numeric(std::size_t k) const { return block.numeric[k]; }
  double ratio(std::size_t k) const { return analytic(k) / numeric(k); }
  double error(std::size_t k) const { return analytic(k) - numeric(k); }
  std::size_t i(std::size_t k) const { return k / block.columns.size(); }
  std::size_t j(std::size_t k) const { return k % block.columns.size(); }
  double x(std::size_t k) const { return block.f.x[block.columns[j(k)]]; }
  double y(std::size_t k) const { return block.f.y[block.rows[i(k)]]; }
  const Shape& input_shape() const { return block.f.inputs[block.input].shape; }
  const Shape& output_shape() const { return block.f.output_shape; }
  std::size_t input_size() const { return element_count(input_shape()); }
  std::size_t output_size() const { return block.f.y.size(); }

  template <class P>
  bool all_wrong(P predicate) const {
    return std::all_of(wrong.begin(), wrong.end(), predicate);
  }
  // Entries that are right because they are zero prove nothing.
  template <class P>
  bool none_right(P predicate) const {
    return std::none_of(right.begin(), right.end(), [&](std::size_t k) {
      return std::abs(numeric(k)) > 1e-9 * block.scale[k] && predicate(k);
    });
  }
  bool constant_ratio() const {
    const double c = ratio(wrong[0]);
    return all_wrong([&](std::size_t k) { return close(analytic(k), c * numeric(k)); });
  }
  // The extent of an axis of the input that is the constant ratio, or its inverse; or 0.
  std::size_t extent_as_ratio() const {
    for (const std::size_t extent : input_shape()) {
      const auto e = static_cast<double>(extent);
      if (close(ratio(wrong[0]), e) || close(ratio(wrong[0]), 1 / e)) return extent;
    }
    return 0;
  }

  const JacobianBlock& block;
  std::vector<std::size_t> wrong, right;
  double low = INFINITY, high = -INFINITY;  // of the ratios of wrong entries
};

using Test = std::function<bool(const Pattern&)>;

bool not_finite(const Pattern& p) {
  return !p.all_wrong([&](std::size_t k) { return std::isfinite(p.analytic(k)); });
}

bool wrong_are_zero(const Pattern& p) {
  return p.all_wrong([&](std::size_t k) { return p.analytic(k) == 0; });
}

bool all_are_zero(const Pattern& p) {
  const auto& a = p.block.analytic;
  return std::all_of(a.begin(), a.end(), [](double entry) { return entry == 0; });
}

// Right for some outputs, zero for others that use the same input element.
bool zero_under_broadcasting(const Pattern& p) {
  return wrong_are_zero(p) && p.input_size() > 0 &&
         (p.input_size() < p.output_size() || p.input_shape().size() < p.output_shape().size());
}

bool single_entry(const Pattern& p) {
  return p.wrong.size() == 1 && p.constant_ratio();
}

// analytic = c numeric, for all wrong entries.
Test ratio_is(double c) {
  return [c](const Pattern& p) { return p.constant_ratio() && close(p.ratio(p.wrong[0]), c); };
}

// The same with the number of elements of the input or the output, or with its inverse.
Test ratio_is_size(std::size_t (Pattern::*size)() const, bool inverse) {
  return [=](const Pattern& p) {
    const auto n = static_cast<double>((p.*size)());
    return ratio_is(inverse ? 1 / n : n)(p);
  };
}

bool ratio_is_extent(const Pattern& p) {
  return p.constant_ratio() && p.extent_as_ratio() > 0;
}

// analytic = factor(x, y, numeric) numeric, for all wrong entries.
Test off_by(double (*factor)(double x, double y, double numeric)) {
  return [factor](const Pattern& p) {
    return p.all_wrong([&](std::size_t k) {
      return close(p.analytic(k), p.numeric(k) * factor(p.x(k), p.y(k), p.numeric(k)));
    });
  };
}

// The whole block is there in another order: entry (i, j) stands where (i, j) of `source` should.
using Place = std::pair<std::size_t, std::size_t>;
Test reordered(Place (*source)(const Pattern&, std::size_t i, std::size_t j)) {
  return [source](const Pattern& p) {
    const std::size_t m = p.output_size(), n = p.input_size();
    if (p.block.rows.size() != m || p.block.columns.size() != n) return false;
    for (std::size_t k = 0; k < m * n; ++k) {
      const auto [i, j] = source(p, p.i(k), p.j(k));
      if (i >= m || j >= n ||
          std::abs(p.analytic(k) - p.numeric(i * n + j)) > 1e-6 * p.block.scale[k])
        return false;
    }
    return true;
  };
}

// Where element `flat` stands in the transposed matrix; nowhere if the tensor is no matrix.
std::size_t transposed(std::size_t flat, const Shape& shape) {
  return shape.size() == 2 ? flat % shape[0] * shape[1] + flat / shape[0] : SIZE_MAX;
}

bool constant_error(const Pattern& p) {
  const double c = p.error(p.wrong[0]);
  return p.wrong.size() > 1 &&
         p.all_wrong([&](std::size_t k) { return std::abs(p.error(k) - c) <= 1e-6 * std::abs(c); });
}

// Where it is not zero; so it is if a sum over an axis is missing.
bool error_is_outer_product(const Pattern& p) {
  const std::size_t rows = p.block.rows.size(), columns = p.block.columns.size();
  std::vector<double> d(rows * columns);
  for (const std::size_t k : p.wrong) d[k] = p.error(k);
  bool tested = false;
  for (std::size_t k = 0; k + columns + 1 < d.size(); ++k) {
    const double diagonal = d[k] * d[k + columns + 1], other = d[k + 1] * d[k + columns];
    if (p.j(k) + 1 == columns || diagonal == 0 || other == 0) continue;
    if (std::abs(diagonal - other) > 1e-6 * (std::abs(diagonal) + std::abs(other))) return false;
    tested = true;
  }
  return tested && p.wrong.size() >= 4;
}

// The ratio is the same for all wrong entries of a row (or column), and some share a row or column.
Test ratio_depends_on(std::size_t (Pattern::*group)(std::size_t) const) {
  return [group](const Pattern& p) {
    std::map<std::size_t, double> rows, columns;
    for (const std::size_t k : p.wrong) {
      rows.emplace(p.i(k), p.ratio(k));
      columns.emplace(p.j(k), p.ratio(k));
    }
    const auto& first = group == &Pattern::i ? rows : columns;
    return std::min(rows.size(), columns.size()) < p.wrong.size() &&
           p.all_wrong([&](std::size_t k) {
             const double ratio = first.at((p.*group)(k));
             return ratio == p.ratio(k) || close(ratio, p.ratio(k));
           });
  };
}

Test all_in_one(std::size_t (Pattern::*group)(std::size_t) const) {
  return [group](const Pattern& p) {
    const std::size_t groups = group == &Pattern::i ? p.block.rows.size() : p.block.columns.size();
    return groups > 1 &&
           p.all_wrong([&](std::size_t k) { return (p.*group)(k) == (p.*group)(p.wrong[0]); });
  };
}

// Wrong for inputs of that sign alone.
Test input_has_sign(double sign) {
  return [sign](const Pattern& p) {
    const auto holds = [&](std::size_t k) { return p.x(k) * sign > 0; };
    return p.all_wrong(holds) && p.none_right(holds);
  };
}

struct Hypothesis {
  const char* name;
  Test test;
  const char* message;  // may name what fill_in() knows
};
using Hypotheses = std::vector<Hypothesis>;

// What the mistake may be: three lists in the order in which they are tried. The first hypothesis
// that holds is reported.
const Hypotheses& zeros_and_ratios() {
  static const Hypotheses list = {
      {"not finite", not_finite, "NaN or infinity in the derivative (0/0, log 0, an overflow?)"},
      {"forgotten input", all_are_zero,
       "this input was forgotten: its derivative is zero everywhere"},
      {"broadcast not summed", zero_under_broadcasting,
       "broadcast not summed: only some of the outputs that use an element contribute to its "
       "gradient (overwritten instead of added?)"},
      {"missing terms", wrong_are_zero,
       "terms are missing: entries are zero that should not be (the dependence of one element on "
       "the others, as in a mean or a sum over an axis?)"},
      {"single entry", single_entry, "a single entry is off by the factor {ratio:.6g}"},
      {"sign", ratio_is(-1), "sign flipped"},
      {"twice", ratio_is(2), "a factor 2 too many (counted twice?)"},
      {"half", ratio_is(0.5), "a factor 2 is missing (as of x²)"},
      {"sign, twice", ratio_is(-2), "sign flipped, and a factor 2 too many"},
      {"sign, half", ratio_is(-0.5), "sign flipped, and a factor 2 is missing"},
      {"mean as sum of inputs", ratio_is_size(&Pattern::input_size, false),
       "off by the number of inputs, {inputs:g}: a mean treated as a sum?"},
      {"sum as mean of inputs", ratio_is_size(&Pattern::input_size, true),
       "off by 1 / the number of inputs, {inputs:g}: a sum treated as a mean?"},
      {"sum over outputs", ratio_is_size(&Pattern::output_size, false),
       "off by the number of outputs, {outputs:g}: summed instead of averaged?"},
      {"mean over outputs", ratio_is_size(&Pattern::output_size, true),
       "off by 1 / the number of outputs, {outputs:g}: averaged instead of summed?"},
      {"extent of an axis", ratio_is_extent,
       "off by the factor {ratio:.6g}, from an axis of {extent} elements: mean and sum confused?"},
      {"constant factor", &Pattern::constant_ratio,
       "a constant factor: analytic = {ratio:.6g} × numeric"}};
  return list;
}

const Hypotheses& transposes_and_chain_factors() {
  static const Hypotheses list = {
      {"transposed Jacobian", reordered([](const Pattern&, std::size_t i, std::size_t j) {
         return Place{j, i};
       }),
       "a transpose is missing: this is the transposed Jacobian (J w instead of Jᵀ w?)"},
      {"transposed input", reordered([](const Pattern& p, std::size_t i, std::size_t j) {
         return Place{i, transposed(j, p.input_shape())};
       }),
       "a transpose is missing: the gradient is that of the transposed input"},
      {"transposed output", reordered([](const Pattern& p, std::size_t i, std::size_t j) {
         return Place{transposed(i, p.output_shape()), j};
       }),
       "a transpose is missing: the output's gradient was taken for its transpose"},
      {"times x", off_by([](double x, double, double) { return x; }),
       "a chain factor too many: off by × x (the input)"},
      {"over x", off_by([](double x, double, double) { return 1 / x; }),
       "a chain factor is missing: off by 1 / x (the input)"},
      {"times x²", off_by([](double x, double, double) { return x * x; }),
       "a chain factor too many: off by × x² (the input)"},
      {"over x²", off_by([](double x, double, double) { return 1 / (x * x); }),
       "a chain factor is missing: off by 1 / x² (the input)"},
      {"times y", off_by([](double, double y, double) { return y; }),
       "a chain factor too many: off by × y (the output)"},
      {"over y", off_by([](double, double y, double) { return 1 / y; }),
       "a chain factor is missing: off by 1 / y (the output)"},
      {"inner derivative", off_by([](double, double, double numeric) { return 1 / numeric; }),
       "the inner derivative is missing: the gradient is passed through as it is"}};
  return list;
}

// The last always holds.
const Hypotheses& terms_and_patterns() {
  static const Hypotheses list = {
      {"constant term", constant_error,
       "a term is missing: analytic - numeric = {difference:.6g} for every wrong entry"},
      {"outer product", error_is_outer_product,
       "a term is missing: the error is an outer product (a sum or mean over an axis, as in "
       "softmax or normalisation?)"},
      {"factor of the output", ratio_depends_on(&Pattern::i),
       "off by a factor that depends on the output element alone"},
      {"factor of the input", ratio_depends_on(&Pattern::j),
       "off by a factor that depends on the input element alone"},
      {"not zero", [](const Pattern& p) { return p.low > p.high; },
       "no simple pattern: not zero where it should be"},
      {"none", [](const Pattern&) { return true; },
       "no simple pattern: analytic / numeric between {low:.4g} and {high:.4g}"}};
  return list;
}

// Where the derivative is wrong, if it is right elsewhere.
const Hypotheses& places() {
  static const Hypotheses list = {
      {"everywhere", [](const Pattern& p) { return p.none_right([](auto) { return true; }); }, ""},
      {"one input", all_in_one(&Pattern::j), "; wrong only for input element {input_element}"},
      {"negative", input_has_sign(-1), "; wrong only where the input is negative"},
      {"positive", input_has_sign(1), "; wrong only where the input is positive"},
      {"one output", all_in_one(&Pattern::i), "; wrong only for output element {output_element}"}};
  return list;
}

std::string fill_in(const char* message, const Pattern& p) {
  const JacobianBlock& b = p.block;
  const auto element = [](std::size_t flat, const Shape& shape) {
    return fmt::format("[{}]", fmt::join(unravel(flat, shape), ", "));
  };
  const std::size_t k = p.wrong[0], column = b.columns[p.j(k)] - b.f.inputs[b.input].offset;
  return fmt::format(fmt::runtime(message), fmt::arg("ratio", p.ratio(k)),
                     fmt::arg("inputs", static_cast<double>(p.input_size())),
                     fmt::arg("outputs", static_cast<double>(p.output_size())),
                     fmt::arg("extent", p.extent_as_ratio()), fmt::arg("difference", p.error(k)),
                     fmt::arg("low", p.low), fmt::arg("high", p.high),
                     fmt::arg("input_element", element(column, p.input_shape())),
                     fmt::arg("output_element", element(b.rows[p.i(k)], p.output_shape())));
}

std::string first_that_holds(const Hypotheses& hypotheses, const Pattern& pattern) {
  for (const Hypothesis& hypothesis : hypotheses)
    if (hypothesis.test(pattern)) return fill_in(hypothesis.message, pattern);
  return "";
}

}  // namespace

std::string likely_cause(const JacobianBlock& block) {
  const Pattern pattern(block);
  std::string mistake;
  for (const auto list : {zeros_and_ratios, transposes_and_chain_factors, terms_and_patterns})
    if (mistake.empty()) mistake = first_that_holds(list(), pattern);
  return mistake + first_that_holds(places(), pattern);
}

}  // namespace papillon::detail
