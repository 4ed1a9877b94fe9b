// The small parts of gradcheck: random vectors, scales, and the verdict on one entry.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include "papillon/autograd/gradcheck_detail.hpp"

namespace papillon::detail {

using Values = FlatFunction::Values;

double dot(const Values& a, const Values& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}
double largest(const Values& v) {
  double m = 0;
  for (double x : v)
    if (std::isfinite(x)) m = std::max(m, std::abs(x));
  return m;
}
Values unit(std::size_t size, std::size_t i) {
  Values e(size);
  e[i] = 1;
  return e;
}
bool same_bits(const Values& a, const Values& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

std::vector<std::size_t> choose(std::size_t size, std::size_t at_most, RandomStream stream) {
  std::vector<std::size_t> chosen(size);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (size <= at_most) return chosen;
  const auto order = random_permutation(size, stream);
  chosen.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(at_most));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Values random_weights(std::size_t size, RandomStream stream) {
  Values v(size);
  fill_uniform<double>(stream, 0, v);
  for (double& x : v) x = x < 0.5 ? x * 2 - 1.5 : x * 2 - 0.5;
  return v;
}

Values element_scales(const FlatFunction& f) {
  Values scale(f.x.size());
  for (const auto& in : f.inputs) {
    const std::size_t n = element_count(in.shape);
    double square = 0;
    for (std::size_t j = in.offset; j < in.offset + n; ++j)
      if (std::isfinite(f.x[j])) square += f.x[j] * f.x[j];
    const double rms = n ? std::sqrt(square / static_cast<double>(n)) : 0;
    for (std::size_t j = in.offset; j < in.offset + n; ++j) {
      const double s = std::max(std::abs(f.x[j]), rms / 10);
      scale[j] = s > 0 && std::isfinite(s) ? s : 1;
    }
  }
  return scale;
}

void judge(GradcheckEntry& e, const GradcheckOptions& options) {
  const double difference = std::abs(e.analytic - e.numeric);
  if (!std::isfinite(e.error_bar) || e.kink) {
    e.verdict = Verdict::inconclusive;
  } else if (!std::isfinite(e.analytic) ||
             !(difference <= e.error_bar + options.tolerance * e.scale)) {
    e.verdict = Verdict::fail;
  } else {
    e.verdict = e.error_bar <= options.resolution * e.scale ? Verdict::pass : Verdict::inconclusive;
  }
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

}  // namespace papillon::detail
