// Ridders' method (Advances in Engineering Software 4, 75, 1982): Richardson extrapolation of
// central differences in a Neville table. To it we add the noise of the function, measured as by
// Moré and Wild (ECNoise, SIAM J. Sci. Comput. 33, 1292, 2011) and carried through the table, so
// that an entry's error bar is truncation (how far it moved) plus rounding.
#include "papillon/autograd/gradcheck/numeric_derivative.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace papillon {
namespace {

using Values = std::vector<double>;
using Curve = std::function<Values(double)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double safety = 2;  // error bars are estimates from few numbers: widen them
constexpr int min_rows = 5;   // a kink shows only over several steps
constexpr int max_rows = 44;  // steps down to 1e-13 of the first
constexpr std::size_t max_order = 7;

// Extrapolates a quantity whose error is a series in h^first_power, h^(first_power + 2), ...
class NevilleTable {
 public:
  explicit NevilleTable(int first_power) : first_power_(first_power) {}

  // The quantity at half the step of the last call; noise: its error from rounding. aside, if
  // given, is a table whose extrapolations should vanish: by how much they do not widens the bars.
  void add(double value, double noise, const NevilleTable* aside = nullptr) {
    if (!std::isfinite(value)) {
      row_.clear();
      return;
    }
    std::array<Cell, max_order> row;
    row[0] = {value, noise};
    const std::size_t order = std::min(row_.size(), max_order - 1);
    double ratio = first_power_ == 2 ? 4 : 2;
    for (std::size_t m = 1; m <= order; ++m, ratio *= 4) {
      const Cell& coarse = row_[m - 1];
      const Cell& fine = row[m - 1];
      row[m].value = fine.value + (fine.value - coarse.value) / (ratio - 1);
      row[m].noise = (ratio * fine.noise + coarse.noise) / (ratio - 1);
      const double moved =
          std::max(std::abs(row[m].value - fine.value), std::abs(row[m].value - coarse.value));
      double bar = safety * (moved + row[m].noise);
      if (aside) bar += m < aside->row_.size() ? std::abs(aside->row_[m].value) / 2 : infinity;
      if (bar < bar_) best_ = row[m].value, bar_ = bar;
    }
    row_.assign(row.begin(), row.begin() + order + 1);
  }
  double best() const { return best_; }
  double bar() const { return bar_; }

 private:
  struct Cell {
    double value = 0, noise = 0;
  };
  int first_power_;
  std::vector<Cell> row_;
  double best_ = 0, bar_ = infinity;
};

// The noise of each component: high differences over points so close together that anything
// smooth vanishes from them. order k: sigma^2 = (k!)^2 / (2k)! mean (difference^2).
Values measure_noise(const Curve& curve, const Values& centre, double spacing) {
  constexpr int points = 9;
  std::array<Values, points> f;
  for (int i = 0; i < points; ++i)
    f[i] = i == points / 2 ? centre : curve((i - points / 2) * spacing);
  Values noise(centre.size());
  for (std::size_t j = 0; j < centre.size(); ++j) {
    std::array<double, points> d;
    double magnitude = 0, smallest = infinity, gamma = 1;
    for (int i = 0; i < points; ++i) {
      d[i] = f[i][j];
      if (std::isfinite(d[i])) magnitude = std::max(magnitude, std::abs(d[i]));
    }
    for (int k = 1; k <= 6; ++k) {
      gamma *= k / (4.0 * k - 2);  // (k!)^2 / (2k)!, by its ratio to the one before
      double square = 0;
      for (int i = 0; i + k < points; ++i) {
        d[i] = d[i + 1] - d[i];
        square += d[i] * d[i];
      }
      const double sigma = std::sqrt(gamma * square / (points - k));
      if (k >= 3 && sigma < smallest) smallest = sigma;  // never NaN
    }
    // Three sigma; and no value is better than half a unit in its last place.
    noise[j] = std::max(smallest < infinity ? 3 * smallest : 0, epsilon / 2 * magnitude);
  }
  return noise;
}

struct Pair {
  Values right, left;
};

// A longer first step where the given one drowns in noise: f(x) = 1 + sin x at x = 1e-8.
double adapt_step(const Curve& curve, const Values& noise, double step) {
  while (step < 1.0 / 64) {
    const Pair wide{curve(step), curve(-step)}, narrow{curve(step / 2), curve(-step / 2)};
    for (std::size_t j = 0; j < noise.size(); ++j) {
      const double coarse = (wide.right[j] - wide.left[j]) / (2 * step);
      const double fine = (narrow.right[j] - narrow.left[j]) / step;
      if (!(std::abs(coarse - fine) <= 2 * noise[j] / step)) return step;
    }
    step *= 8;
  }
  return step;
}

}  // namespace

std::vector<NumericDerivative> numeric_derivative(const Curve& curve, double first_step) {
  const Values centre = curve(0);
  const std::size_t n = centre.size();
  // At several spacings, not round: a value rounded to a coarse grid looks smooth between its
  // steps, and where it climbs by a whole number of them.
  Values noise(n);
  for (double spacing : {0x1p-26, 0.83 * 0x1p-13, 0.61 * 0x1p-10}) {
    const Values seen = measure_noise(curve, centre, spacing * first_step);
    for (std::size_t j = 0; j < n; ++j) noise[j] = std::max(noise[j], seen[j]);
  }
  std::vector<NumericDerivative> result(n);
  std::vector<NevilleTable> slopes(n, NevilleTable(2)), jumps(n, NevilleTable(1));
  double step = adapt_step(curve, noise, first_step);
  for (int row = 0; row < max_rows; ++row, step /= 2) {
    const Pair f{curve(step), curve(-step)};
    bool done = row >= min_rows;
    for (std::size_t j = 0; j < n; ++j) {
      // (f(h) - f(0)) / h - (f(0) - f(-h)) / h = h f'' + h^3 f'''' / 12 + ... without a kink.
      // Central differences do not see what is even: a kink, or a peak narrower than the step.
      jumps[j].add((f.right[j] - 2 * centre[j] + f.left[j]) / step, 4 * noise[j] / step);
      slopes[j].add((f.right[j] - f.left[j]) / (2 * step), noise[j] / step, &jumps[j]);
      if (row == 0)
        for (const double end : {f.right[j], f.left[j]})
          if (const double slope = std::abs(end - centre[j]) / step; std::isfinite(slope))
            result[j].nearby = std::max(result[j].nearby, slope);
      // No smaller step can do better than its own noise.
      done = done && noise[j] / step >= slopes[j].bar();
    }
    if (done) break;
  }
  for (std::size_t j = 0; j < n; ++j) {
    NumericDerivative& r = result[j];
    r.value = slopes[j].best();
    r.error_bar = std::isfinite(centre[j]) ? slopes[j].bar() : infinity;
    r.jump = jumps[j].best();
    r.kink = std::abs(r.jump) > 10 * jumps[j].bar() + 1e-6 * std::abs(r.value);
  }
  return result;
}

}  // namespace papillon
