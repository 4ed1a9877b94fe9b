#include "papillon/diffusion/timesteps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"

namespace papillon {

namespace {

// Where entry i of n (0 first) is put before rounding; T first and 1 last.
double place(Spacing spacing, const NoiseSchedule& schedule, double fraction, double rho) {
  // A schedule without signal at T has no finite log-SNR there: the scale begins one step below.
  const int T = schedule.steps();
  const double last = schedule.lambda(std::isfinite(schedule.lambda(T)) ? T : std::max(1, T - 1));
  const double first = schedule.lambda(1);
  if (!std::isfinite(first) || fraction == 0) return T;
  if (spacing == Spacing::log_snr) return schedule.step_at_lambda(last + fraction * (first - last));
  const double high = std::exp(-last / rho), low = std::exp(-first / rho);
  return schedule.step_at_lambda(-rho * std::log(high + fraction * (low - high)));
}

}  // namespace

std::vector<int> make_timesteps(Spacing spacing, const NoiseSchedule& schedule, int steps,
                                double rho) {
  const int T = schedule.steps();
  if (steps < 1 || steps > T)
    throw ArgumentError(fmt::format(
        "make_timesteps: {} sampling steps of a schedule of {}; must be between 1 and {}", steps, T,
        T));
  if (!(rho > 0)) throw ArgumentError(fmt::format("make_timesteps: rho {}; must be positive", rho));
  const long long N = steps;
  std::vector<int> out;
  for (long long i = 0; i < N; ++i) {
    long long t = 0;
    switch (spacing) {
      case Spacing::uniform:
        t = (2 * (N - i) * T + N) / (2 * N);
        break;
      case Spacing::leading:
        t = 1 + (N - 1 - i) * (T / N);
        break;
      case Spacing::trailing:
        t = T - (2 * i * T + N) / (2 * N);
        break;
      case Spacing::log_snr:
      case Spacing::karras:
        t = std::llround(place(spacing, schedule,
                               N == 1 ? 0 : static_cast<double>(i) / static_cast<double>(N - 1),
                               rho));
        break;
    }
    // Below the one before, and with room for those that follow.
    if (!out.empty()) t = std::min<long long>(t, out.back() - 1);
    out.push_back(static_cast<int>(std::max(t, N - i)));
  }
  out.push_back(0);
  return out;
}

std::vector<int> last_steps(const std::vector<int>& timesteps, int start) {
  const int steps = static_cast<int>(timesteps.size()) - 1;
  if (start < 1 || start > steps)
    throw ArgumentError(fmt::format(
        "partial denoising from step {} of {}; must be between 1 and {}", start, steps, steps));
  return {timesteps.end() - start - 1, timesteps.end()};
}

void check_timesteps(const std::vector<int>& timesteps, const NoiseSchedule& schedule,
                     bool down_to_zero) {
  if (timesteps.size() < 2)
    throw ArgumentError(
        "timesteps: fewer than two; a list begins where the noise is and ends at 0");
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const int t = timesteps[i];
    if (t < 0 || t > schedule.steps())
      throw ArgumentError(fmt::format("timesteps: entry {} is {}; must be between 0 and {}", i, t,
                                      schedule.steps()));
    if (i > 0 && t == timesteps[i - 1])
      throw ArgumentError(
          fmt::format("timesteps: {} is there twice (entries {} and {}); each must be smaller than "
                      "the one before",
                      t, i - 1, i));
    if (i > 0 && t > timesteps[i - 1])
      throw ArgumentError(fmt::format("timesteps: entry {} is {} after {}; they must descend", i, t,
                                      timesteps[i - 1]));
  }
  if (down_to_zero && timesteps.back() != 0)
    throw ArgumentError(
        fmt::format("timesteps: the last is {}, which leaves noise in the states; must be 0",
                    timesteps.back()));
}

}  // namespace papillon
