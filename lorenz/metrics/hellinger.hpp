// The Hellinger distance of histograms.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon::inline metrics {

struct HistogramOptions {
  std::size_t bins = 70;    // along each component
  double half_width = 3.5;  // bins cover [-half_width, half_width) of the normalised states
};

class Histogram {
 public:
  // Throws ArgumentError if there would be more than 2^28 bins, or none.
  explicit Histogram(std::size_t dimension, const HistogramOptions& options = {});

  // Counts rows of `dimension` values; states outside (or not finite) go to one extra bin.
  void add(std::span<const float> rows);

  // Rows counted, and those of them outside the bins.
  std::uint64_t total() const { return total_; }
  std::uint64_t outside() const { return counts_.back(); }
  const std::vector<std::uint64_t>& counts() const { return counts_; }  // the extra bin is last
  // Components of a row.
  std::size_t dimension() const { return dimension_; }

 private:
  std::size_t dimension_;
  HistogramOptions options_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

// sqrt(1/2 sum (sqrt p - sqrt q)^2), between 0 and 1. Throws ArgumentError if the bins differ or a
// histogram is empty.
double hellinger_distance(const Histogram& p, const Histogram& q);

}  // namespace papillon::inline metrics
