#include "papillon/lorenz/surrogate/pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::inline surrogate {
namespace {

std::size_t starts_of(const Tensor<float>& states, const PairOptions& o) {
  if (states.rank() != 3)
    throw ShapeError("pairs: states have shape " + to_string(states.shape()) +
                     "; must be [members, times, D]");
  if (o.lead == 0 || o.samples == 0 || !(std::isfinite(o.corruption) && o.corruption >= 0))
    throw ArgumentError(
        fmt::format("pairs: lead {} and samples {} must be positive, corruption {} not negative",
                    o.lead, o.samples, o.corruption));
  const std::size_t times = states.extent(1);
  if (times <= o.lead)
    throw InputError(
        fmt::format("pairs: a lead of {} steps needs trajectories of at least {} times; "
                    "these have {}",
                    o.lead, o.lead + 1, times));
  const std::uint64_t all = states.extent(0) * (times - o.lead);
  if (all < o.samples)
    throw InputError(
        fmt::format("pairs: {} samples are asked for, and {} trajectories of {} times "
                    "hold {} pairs with a lead of {} steps",
                    o.samples, states.extent(0), times, all, o.lead));
  return times - o.lead;
}

}  // namespace

TrainingPairs::TrainingPairs(const Tensor<float>& states, std::vector<double> shift,
                             std::vector<double> scale, const PairOptions& options)
    : states_(&states),
      shift_(std::move(shift)),
      scale_(std::move(scale)),
      options_(options),
      starts_(starts_of(states, options)),
      order_(states.extent(0) * starts_, random_stream(options.seed, Purpose::pair_order)) {
  if (shift_.size() != states.extent(2) || scale_.size() != shift_.size())
    throw ArgumentError(fmt::format("pairs: {} shifts and {} scales for states of {} components",
                                    shift_.size(), scale_.size(), states.extent(2)));
}

void TrainingPairs::read(std::uint64_t first, std::size_t n, double* x, std::size_t ldx, double* y,
                         std::size_t ldy) const {
  const std::size_t d = dimension(), times = states_->extent(1);
  std::vector<double> noise(options_.corruption > 0 ? n * d : 0);
  fill_normal<double>(random_stream(options_.seed, Purpose::pair_noise), first * d, noise);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t start = order_(first + i);
    const float* from = states_->data() + (start / starts_ * times + start % starts_) * d;
    const float* to = from + options_.lead * d;
    for (std::size_t j = 0; j < d; ++j) {
      x[i * ldx + j] = (static_cast<double>(from[j]) - shift_[j]) / scale_[j];
      y[i * ldy + j] = (static_cast<double>(to[j]) - static_cast<double>(from[j])) / scale_[j];
      if (!noise.empty()) y[i * ldy + j] += options_.corruption * noise[i * d + j];
    }
  }
}

}  // namespace papillon::inline surrogate
