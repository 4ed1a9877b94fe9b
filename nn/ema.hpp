// The exponential moving average of the weights.
#pragma once

#include <cstdint>
#include <span>

namespace papillon {

// min(decay, (1 + step) / (10 + step)) for step = 0, 1, ...: the average follows closely at first,
// so that it needs no correction for where it started.
double ema_decay(std::uint64_t step, double decay);

// average += (1 - decay) (p - average). Throws ShapeError if the sizes differ.
template <class T>
void ema_update(std::span<T> average, std::span<const T> p, double decay);

}  // namespace papillon
