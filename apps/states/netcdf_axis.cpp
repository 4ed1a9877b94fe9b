#include "papillon/apps/states/netcdf_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace papillon::apps {
namespace {

NetcdfVariable coordinate(const NetcdfFile& file, const char* name, const std::string& dimension) {
  NetcdfVariable variable(file, name, {dimension});
  variable.require_axes();
  return variable;
}

// The number of the fewest digits that is no further than this from the value.
double shortest(double value, double error) {
  for (int digits = 1; digits < 17; ++digits) {
    const std::string text = fmt::format("{:.{}e}", value, digits - 1);
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    if (std::abs(rounded - value) <= error) return rounded;
  }
  return value;
}

}  // namespace

double time_step(const NetcdfFile& file, const std::string& dimension) {
  if (!file.contains("time")) return 0;
  const NetcdfVariable time = coordinate(file, "time", dimension);
  const Tensor<double> t = time.read<double>(Holes::refused);
  if (t.size() < 2) return 0;
  const std::size_t steps = t.size() - 1;
  for (std::size_t k = 1; k <= steps; ++k)
    if (!(t[k] > t[k - 1]))
      time.fail(fmt::format("is {} at index {}, after {}; times must increase", t[k], k, t[k - 1]));
  std::vector<double> step(steps);
  for (std::size_t k = 0; k < steps; ++k) step[k] = t[k + 1] - t[k];
  const auto middle = step.begin() + static_cast<std::ptrdiff_t>((steps - 1) / 2);
  std::nth_element(step.begin(), middle, step.end());
  const double largest = std::max(std::abs(t[0]), std::abs(t[steps])),
               spacing = time.spacing(largest);
  for (std::size_t k = 1; k <= steps; ++k)
    if (!(std::abs(t[k] - t[k - 1] - *middle) <= 2 * spacing))
      time.fail(
          fmt::format("is {} at index {}, {:g} after the one before; times must be even, and "
                      "most are {:g} apart",
                      t[k], k, t[k] - t[k - 1], *middle));
  const auto n = static_cast<double>(steps);
  return shortest((t[steps] - t[0]) / n,
                  spacing / n + std::nextafter(largest, 2 * largest) - largest);
}

void require_all_cycles(const NetcdfFile& file, const std::string& dimension) {
  if (!file.contains("cycle")) return;
  const NetcdfVariable cycle = coordinate(file, "cycle", dimension);
  const Tensor<double> numbers = cycle.read<double>(Holes::refused);
  for (std::size_t k = 0; k < numbers.size(); ++k) {
    if (numbers[k] == static_cast<double>(k)) continue;
    if (k == 0)
      cycle.fail(
          fmt::format("begins with {}; observations from cycle 0 on are needed (states.nc has them "
                      "with --store-from 0)",
                      numbers[k]));
    cycle.fail(
        fmt::format("is {} at index {}; cycles are 0, 1, 2, ... without gaps", numbers[k], k));
  }
}

}  // namespace papillon::apps
