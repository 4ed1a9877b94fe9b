#include "papillon/lorenz/metrics/hellinger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline metrics {

Histogram::Histogram(std::size_t dimension, const HistogramOptions& options)
    : dimension_(dimension), options_(options) {
  constexpr std::size_t most = std::size_t{1} << 28;
  std::size_t cells = 1;
  for (std::size_t i = 0; i < dimension && cells <= most; ++i) cells *= options.bins;
  if (dimension == 0 || options.bins == 0 || options.bins > most || cells > most ||
      !(options.half_width > 0))
    throw ArgumentError(
        fmt::format("histogram: {} bins on ±{} in {} dimensions; must be 1 to 2^28 bins in "
                    "all",
                    options.bins, options.half_width, dimension));
  counts_.assign(cells + 1, 0);
}

void Histogram::add(std::span<const float> rows) {
  if (rows.size() % dimension_ != 0)
    throw ShapeError(fmt::format("histogram: {} values are no whole number of rows of {}",
                                 rows.size(), dimension_));
  const std::size_t count = rows.size() / dimension_;
  const float bins = static_cast<float>(options_.bins);
  const float per_unit =
      static_cast<float>(static_cast<double>(options_.bins) / 2 / options_.half_width);
  const float offset = bins / 2;
  // Counts are whole numbers, so their sum does not depend on how the rows were shared out.
  const std::size_t lanes = std::clamp<std::size_t>(count / 65536, 1, thread_count());
  std::vector<std::vector<std::uint64_t>> partial(lanes);
  parallel_for(lanes, [&](std::size_t lane) {
    std::vector<std::uint64_t> counts(counts_.size());
    const std::size_t outside = counts.size() - 1;
    const std::size_t begin = count * lane / lanes, end = count * (lane + 1) / lanes;
    for (std::size_t r = begin; r < end; ++r) {
      std::size_t cell = 0;
      bool inside = true;
      for (std::size_t i = 0; i < dimension_; ++i) {
        const float position = rows[r * dimension_ + i] * per_unit + offset;
        const bool fits = position >= 0 && position < bins;  // false for NaN
        inside = inside && fits;
        cell = cell * options_.bins + (fits ? static_cast<std::size_t>(position) : 0);
      }
      ++counts[inside ? cell : outside];
    }
    partial[lane] = std::move(counts);
  });
  for (const auto& counts : partial)
    for (std::size_t c = 0; c < counts.size(); ++c) counts_[c] += counts[c];
  total_ += count;
}

double hellinger_distance(const Histogram& p, const Histogram& q) {
  if (p.counts().size() != q.counts().size() || p.dimension() != q.dimension())
    throw ArgumentError("hellinger: the histograms have different bins; must have the same");
  if (p.total() == 0 || q.total() == 0) throw ArgumentError("hellinger: a histogram is empty");
  const double np = static_cast<double>(p.total()), nq = static_cast<double>(q.total());
  double sum = 0;
  for (std::size_t c = 0; c < p.counts().size(); ++c) {
    const double d = std::sqrt(static_cast<double>(p.counts()[c]) / np) -
                     std::sqrt(static_cast<double>(q.counts()[c]) / nq);
    sum += d * d;
  }
  return std::sqrt(std::min(sum / 2, 1.0));
}

}  // namespace papillon::inline metrics
