#include "papillon/lorenz/metrics/extremes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline metrics {

Tails tails(const Tensor<float>& reference, double probability) {
  if (reference.rank() != 2 || reference.extent(0) == 0)
    throw ShapeError("extremes: the reference has shape " + to_string(reference.shape()) +
                     "; must be a matrix with rows");
  if (!(probability > 0 && probability < 0.5))
    throw ArgumentError(
        fmt::format("extremes: the probability is {}; must be between 0 and 0.5", probability));
  const std::size_t rows = reference.extent(0), n = reference.extent(1);
  const auto beyond = static_cast<std::size_t>(probability * static_cast<double>(rows));
  const std::size_t rank = std::max<std::size_t>(beyond, 1) - 1;
  Tails result{std::vector<double>(n), std::vector<double>(n)};
  parallel_for(n, [&](std::size_t i) {
    std::vector<float> column(rows);
    for (std::size_t r = 0; r < rows; ++r) column[r] = reference(r, i);
    const auto low = column.begin() + static_cast<std::ptrdiff_t>(rank);
    const auto high = column.begin() + static_cast<std::ptrdiff_t>(rows - 1 - rank);
    std::nth_element(column.begin(), low, column.end());
    result.low[i] = static_cast<double>(*low);
    std::nth_element(column.begin(), high, column.end());
    result.high[i] = static_cast<double>(*high);
  });
  return result;
}

double share_in_tails(const Tensor<float>& states, const Tails& tails) {
  const std::size_t n = tails.low.size();
  if (states.rank() != 2 || states.extent(1) != n || states.extent(0) == 0)
    throw ShapeError(fmt::format("extremes: states have shape {}; must have [rows, {}]",
                                 to_string(states.shape()), n));
  std::size_t count = 0;
  for (std::size_t r = 0; r < states.extent(0); ++r)
    for (std::size_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(states(r, i));
      count += x <= tails.low[i] || x >= tails.high[i];
    }
  return static_cast<double>(count) / static_cast<double>(states.size());
}

}  // namespace papillon::inline metrics
