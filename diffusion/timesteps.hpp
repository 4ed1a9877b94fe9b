// Which of the T diffusion steps a sampler visits.
#pragma once

#include <array>
#include <vector>

#include "papillon/diffusion/schedule.hpp"
#include "papillon/tensor/enum_names.hpp"

namespace papillon {

enum class Spacing {
  uniform,   // t_i = round(i T / N), i = N ... 0 (the paper's)
  leading,   // 1 + i floor(T / N), then 0: starts below T
  trailing,  // round(T - i T / N), i = 0 ... N: uniform, but for halves, which round down in t
  log_snr,   // evenly in log(alpha / sigma) from T to 1, then 0 (Lu et al. 2022)
  karras     // (sigma / alpha)^(1/rho) evenly from T to 1, then 0 (Karras et al. 2022, eq. 5)
};
constexpr auto enum_names(Spacing) {
  return std::array{"uniform", "leading", "trailing", "log_snr", "karras"};
}

// steps + 1 different steps, descending, the last 0. Where a spacing asks for the same integer
// twice, the next ones move down until they differ, and no further. Throws ArgumentError unless
// 1 <= steps <= T.
std::vector<int> make_timesteps(Spacing spacing, const NoiseSchedule& schedule, int steps,
                                double rho = 7);

// The last start + 1 entries: the part of a reverse process that partial denoising runs, begun at
// its step number `start` counted from the end. Throws ArgumentError unless 1 <= start <= steps.
std::vector<int> last_steps(const std::vector<int>& timesteps, int start);

// Throws ArgumentError unless there are two or more, all in 0 ... T, each smaller than the one
// before (so none twice), and, where the clean state is asked for, the last is 0.
void check_timesteps(const std::vector<int>& timesteps, const NoiseSchedule& schedule,
                     bool down_to_zero);

}  // namespace papillon
