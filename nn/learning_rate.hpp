// Learning-rate schedules: values that map a step (0, 1, ...) to a rate.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace papillon {

struct ConstantRate {
  double rate = 3e-4;
  double operator()(std::uint64_t) const { return rate; }
};

// Rises linearly to peak over warmup steps, then follows half a cosine down to last at step total
// (Loshchilov and Hutter 2017, eq. 5, without restarts). Constant where peak equals last.
struct WarmupCosine {
  double peak = 3e-4, last = 0;
  std::uint64_t warmup = 0, total = 1;
  double operator()(std::uint64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
    if (total <= warmup) return peak;
    const double progress =
        std::min(1.0, static_cast<double>(step - warmup) / static_cast<double>(total - warmup));
    return last + (peak - last) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }
};

}  // namespace papillon
