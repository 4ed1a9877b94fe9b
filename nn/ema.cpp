#include "papillon/nn/ema.hpp"

#include <algorithm>

#include "papillon/tensor/compat.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon {
namespace {

template <class T>
PAPILLON_INLINE void update(std::size_t n, T* average, const T* p, T rate) {
  T* __restrict a = average;
  const T* __restrict q = p;
  for (std::size_t i = 0; i < n; ++i) a[i] += rate * (q[i] - a[i]);
}

PAPILLON_CLONES void update_all(std::size_t n, float* average, const float* p, float rate) {
  update(n, average, p, rate);
}
PAPILLON_CLONES void update_all(std::size_t n, double* average, const double* p, double rate) {
  update(n, average, p, rate);
}

}  // namespace

double ema_decay(std::uint64_t step, double decay) {
  const auto s = static_cast<double>(step);
  return std::min(decay, (1 + s) / (10 + s));
}

template <class T>
void ema_update(std::span<T> average, std::span<const T> p, double decay) {
  if (average.size() != p.size()) throw ShapeError("ema_update: sizes differ");
  update_all(p.size(), average.data(), p.data(), static_cast<T>(1 - decay));
}

template void ema_update(std::span<float>, std::span<const float>, double);
template void ema_update(std::span<double>, std::span<const double>, double);

}  // namespace papillon
