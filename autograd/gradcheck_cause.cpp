// From the pattern of wrong entries in a Jacobian to the mistake that people make.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "papillon/autograd/gradcheck_detail.hpp"

namespace papillon::detail {
namespace {

class Pattern {
 public:
  explicit Pattern(const JacobianBlock& b) : b_(b), columns_(b.columns.size()) {
    for (std::size_t k = 0; k < b.verdict.size(); ++k) {
      if (b.verdict[k] == Verdict::fail)
        wrong_.push_back(k);
      else if (b.verdict[k] == Verdict::pass)
        right_.push_back(k);
    }
  }

  std::string describe() const {
    std::string what = how();
    const std::string place = where();
    return place.empty() ? what : what + "; wrong only " + place;
  }

 private:
  bool close(double a, double b) const {
    return std::isfinite(b) && std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
  }
  bool zero(std::size_t k) const { return b_.analytic[k] == 0; }
  std::size_t row(std::size_t k) const { return b_.rows[k / columns_]; }
  std::size_t column(std::size_t k) const { return b_.columns[k % columns_]; }
  double x(std::size_t k) const { return b_.f->x[column(k)]; }
  double y(std::size_t k) const { return b_.y[row(k)]; }
  const FlatFunction::Input& input() const { return b_.f->inputs[b_.input]; }

  template <class P>
  bool all_wrong(P predicate) const {
    return std::all_of(wrong_.begin(), wrong_.end(), predicate);
  }
  template <class P>
  bool none_right(P predicate) const {  // right entries that are zero prove nothing
    return std::none_of(right_.begin(), right_.end(), [&](std::size_t k) {
      return std::abs(b_.numeric[k]) > 1e-9 * b_.scale[k] && predicate(k);
    });
  }

  std::string how() const {
    if (!all_wrong([&](std::size_t k) { return std::isfinite(b_.analytic[k]); })) {
      return "NaN or infinity in the derivative (0/0, log 0, an overflow?)";
    }
    if (all_wrong([&](std::size_t k) { return zero(k); })) return zeros();
    if (auto factor = constant_factor()) return *factor;
    if (auto swapped = transposed()) return *swapped;
    if (auto chain = chain_factor()) return *chain;
    if (auto shift = constant_term()) return *shift;
    if (auto term = rank_one_term()) return *term;
    if (auto row = row_factor()) return *row;
    double low = INFINITY, high = -INFINITY;
    for (std::size_t k : wrong_) {
      if (b_.numeric[k] == 0) continue;
      const double r = b_.analytic[k] / b_.numeric[k];
      low = std::min(low, r), high = std::max(high, r);
    }
    if (low > high) return "no simple pattern: not zero where it should be";
    return fmt::format("no simple pattern: analytic / numeric between {:.4g} and {:.4g}", low,
                       high);
  }

  std::string zeros() const {
    const bool all_zero =
        std::all_of(b_.analytic.begin(), b_.analytic.end(), [](double a) { return a == 0; });
    if (all_zero) return "this input was forgotten: its derivative is zero everywhere";
    const std::size_t size = element_count(input().shape);
    const bool smaller = size < b_.y.size() || input().shape.size() < b_.f->output_shape.size();
    // Right for some outputs, zero for others that see the same input element.
    if (smaller && size > 0) {
      return "broadcast not summed: only some of the outputs that use an element contribute to its "
             "gradient (overwritten instead of added?)";
    }
    return "terms are missing: entries are zero that should not be (the dependence of one element "
           "on the others, as in a mean or a sum over an axis?)";
  }

  std::optional<std::string> constant_factor() const {
    const double c = b_.analytic[wrong_[0]] / b_.numeric[wrong_[0]];
    if (!all_wrong([&](std::size_t k) { return close(b_.analytic[k], c * b_.numeric[k]); })) {
      return std::nullopt;
    }
    if (wrong_.size() == 1) {
      return fmt::format("a single entry is off by the factor {:.6g}", c);
    }
    const double n = static_cast<double>(element_count(input().shape));
    const double m = static_cast<double>(b_.y.size());
    if (close(c, -1)) return "sign flipped";
    if (close(c, 2)) return "a factor 2 too many (counted twice?)";
    if (close(c, 0.5)) return "a factor 2 is missing (as of x²)";
    if (close(c, -2)) return "sign flipped, and a factor 2 too many";
    if (close(c, -0.5)) return "sign flipped, and a factor 2 is missing";
    if (close(c, n))
      return fmt::format("off by the number of inputs, {:g}: a mean treated as a sum?", n);
    if (close(c, 1 / n))
      return fmt::format("off by 1 / the number of inputs, {:g}: a sum treated as a mean?", n);
    if (close(c, m))
      return fmt::format("off by the number of outputs, {:g}: summed instead of averaged?", m);
    if (close(c, 1 / m))
      return fmt::format("off by 1 / the number of outputs, {:g}: averaged instead of summed?", m);
    for (std::size_t extent : input().shape) {
      const double e = static_cast<double>(extent);
      if (close(c, e) || close(c, 1 / e)) {
        return fmt::format(
            "off by the factor {:.6g}, from an axis of {} elements: mean and sum confused?", c,
            extent);
      }
    }
    return fmt::format("a constant factor: analytic = {:.6g} × numeric", c);
  }

  // The whole block is there, in the wrong order: rows and columns of the Jacobian, or the axes of
  // a matrix, exchanged.
  std::optional<std::string> transposed() const {
    const std::size_t n = element_count(input().shape), m = b_.y.size();
    if (b_.rows.size() != m || columns_ != n) return std::nullopt;
    const auto matches = [&](auto source) {
      for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          const std::size_t k = i * n + j;
          if (std::abs(b_.analytic[k] - b_.numeric[source(i, j)]) > 1e-6 * b_.scale[k])
            return false;
        }
      }
      return true;
    };
    if (m == n && matches([&](std::size_t i, std::size_t j) { return j * n + i; })) {
      return "a transpose is missing: this is the transposed Jacobian (J w instead of Jᵀ w?)";
    }
    if (input().shape.size() == 2) {
      const std::size_t r = input().shape[0], c = input().shape[1];
      const auto flipped = [&](std::size_t i, std::size_t j) {
        return i * n + (j % r) * c + j / r;
      };
      if (matches(flipped)) {
        return "a transpose is missing: the gradient is that of the transposed input";
      }
    }
    if (b_.f->output_shape.size() == 2) {
      const std::size_t r = b_.f->output_shape[0], c = b_.f->output_shape[1];
      const auto flipped = [&](std::size_t i, std::size_t j) {
        return ((i % r) * c + i / r) * n + j;
      };
      if (matches(flipped)) {
        return "a transpose is missing: the output's gradient was taken for its transpose";
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> chain_factor() const {
    const auto off_by = [&](auto factor) {
      return all_wrong(
          [&](std::size_t k) { return close(b_.analytic[k], b_.numeric[k] * factor(k)); });
    };
    if (off_by([&](std::size_t k) { return x(k); }))
      return "a chain factor too many: off by × x (the input)";
    if (off_by([&](std::size_t k) { return 1 / x(k); }))
      return "a chain factor is missing: off by 1 / x (the input)";
    if (off_by([&](std::size_t k) { return x(k) * x(k); }))
      return "a chain factor too many: off by × x² (the input)";
    if (off_by([&](std::size_t k) { return 1 / (x(k) * x(k)); }))
      return "a chain factor is missing: off by 1 / x² (the input)";
    if (off_by([&](std::size_t k) { return y(k); }))
      return "a chain factor too many: off by × y (the output)";
    if (off_by([&](std::size_t k) { return 1 / y(k); }))
      return "a chain factor is missing: off by 1 / y (the output)";
    if (off_by([&](std::size_t k) { return 1 / b_.numeric[k]; })) {
      return "the inner derivative is missing: the gradient is passed through as it is";
    }
    return std::nullopt;
  }

  std::optional<std::string> constant_term() const {
    const double c = b_.analytic[wrong_[0]] - b_.numeric[wrong_[0]];
    const bool same = all_wrong([&](std::size_t k) {
      return std::abs(b_.analytic[k] - b_.numeric[k] - c) <= 1e-6 * std::abs(c);
    });
    if (!same || wrong_.size() < 2) return std::nullopt;
    return fmt::format("a term is missing: analytic - numeric = {:.6g} for every wrong entry", c);
  }

  // Missing Σ over an axis: the error is an outer product wherever it is not zero.
  std::optional<std::string> rank_one_term() const {
    if (wrong_.size() < 4 || columns_ < 2) return std::nullopt;
    std::vector<double> d(b_.analytic.size());
    for (std::size_t k : wrong_) d[k] = b_.analytic[k] - b_.numeric[k];
    bool tested = false;
    for (std::size_t i = 0; i + 1 < b_.rows.size(); ++i) {
      for (std::size_t j = 0; j + 1 < columns_; ++j) {
        const double a = d[i * columns_ + j], e = d[(i + 1) * columns_ + j + 1];
        const double f = d[i * columns_ + j + 1], g = d[(i + 1) * columns_ + j];
        if (a == 0 || e == 0 || f == 0 || g == 0) continue;
        if (std::abs(a * e - f * g) > 1e-6 * (std::abs(a * e) + std::abs(f * g)))
          return std::nullopt;
        tested = true;
      }
    }
    if (!tested) return std::nullopt;
    return "a term is missing: the error is an outer product (a sum or mean over an axis, as in "
           "softmax or normalisation?)";
  }

  // analytic = r(output) numeric: the factor that belongs to each output is wrong.
  std::optional<std::string> row_factor() const {
    std::vector<std::optional<double>> by_row(b_.rows.size()), by_column(columns_);
    bool rows = true, columns = true, several = false;
    for (std::size_t k : wrong_) {
      const double r = b_.analytic[k] / b_.numeric[k];
      auto& i = by_row[k / columns_];
      auto& j = by_column[k % columns_];
      several = several || i || j;
      rows = rows && (!i || close(*i, r));
      columns = columns && (!j || close(*j, r));
      i = i.value_or(r), j = j.value_or(r);
    }
    if (several && rows) return "off by a factor that depends on the output element alone";
    if (several && columns) return "off by a factor that depends on the input element alone";
    return std::nullopt;
  }

  std::string where() const {
    if (right_.empty()) return "";
    const auto negative = [&](std::size_t k) { return x(k) < 0; };
    const auto positive = [&](std::size_t k) { return x(k) > 0; };
    const auto same_column = [&](std::size_t k) { return column(k) == column(wrong_[0]); };
    const auto same_row = [&](std::size_t k) { return row(k) == row(wrong_[0]); };
    if (none_right([](std::size_t) { return true; })) return "";
    if (columns_ > 1 && all_wrong(same_column)) {
      return fmt::format(
          "for input element [{}]",
          fmt::join(unravel(column(wrong_[0]) - input().offset, input().shape), ", "));
    }
    if (all_wrong(negative) && none_right(negative)) return "where the input is negative";
    if (all_wrong(positive) && none_right(positive)) return "where the input is positive";
    if (b_.rows.size() > 1 && all_wrong(same_row)) {
      return fmt::format("for output element [{}]",
                         fmt::join(unravel(row(wrong_[0]), b_.f->output_shape), ", "));
    }
    return "";
  }

  const JacobianBlock& b_;
  std::size_t columns_;
  std::vector<std::size_t> wrong_, right_;
};

}  // namespace

std::string likely_cause(const JacobianBlock& block) {
  return Pattern(block).describe();
}

}  // namespace papillon::detail
