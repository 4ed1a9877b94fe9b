#include "papillon/lorenz/assimilation/tuning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/lorenz/assimilation/errors.hpp"

namespace papillon::inline assimilation {
namespace {

TuningPoint measure(const TuningObjective& objective, double parameter) {
  try {
    const Estimate score = objective(parameter);
    if (!std::isnan(score.value)) return {parameter, score};
  } catch (const AssimilationError&) {
  }
  constexpr double inf = std::numeric_limits<double>::infinity();
  return {parameter, {inf, inf, inf}};
}

TuningCurve finish(std::vector<TuningPoint> points) {
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
  const auto best =
      std::min_element(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.score.value < b.score.value; });
  if (std::isinf(best->score.value))
    throw NumericalError(fmt::format("tuning: every experiment failed, from {} to {}",
                                     points.front().parameter, points.back().parameter));
  TuningCurve curve;
  curve.best = best->parameter;
  curve.at_an_end = points.size() > 1 && (best == points.begin() || best == points.end() - 1);
  curve.points = std::move(points);
  return curve;
}

}  // namespace

TuningCurve grid_search(const TuningObjective& objective, std::vector<double> grid) {
  if (grid.empty()) throw ArgumentError("tuning: the grid is empty");
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  std::vector<TuningPoint> points;
  for (const double parameter : grid) points.push_back(measure(objective, parameter));
  return finish(std::move(points));
}

TuningCurve golden_section(const TuningObjective& objective, double low, double high,
                           double tolerance) {
  if (!(low < high && std::isfinite(low) && std::isfinite(high) && tolerance > 0))
    throw ArgumentError(
        fmt::format("tuning: from {} to {} within {}; the first must be below the second, and the "
                    "tolerance positive",
                    low, high, tolerance));
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  std::vector<TuningPoint> points = {measure(objective, low), measure(objective, high)};
  TuningPoint left = measure(objective, high - ratio * (high - low));
  TuningPoint right = measure(objective, low + ratio * (high - low));
  points.push_back(left);
  points.push_back(right);
  while (high - low > tolerance) {
    if (left.score.value <= right.score.value) {
      high = right.parameter;
      right = left;
      left = measure(objective, high - ratio * (high - low));
      points.push_back(left);
    } else {
      low = left.parameter;
      left = right;
      right = measure(objective, low + ratio * (high - low));
      points.push_back(right);
    }
  }
  return finish(std::move(points));
}

}  // namespace papillon::inline assimilation
