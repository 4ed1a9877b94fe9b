#include "papillon/nn/adam.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/tensor/compat.hpp"

namespace papillon {
namespace {

template <class T>
struct Coefficients {
  T beta1, beta2, one_minus_beta1, one_minus_beta2, rate, inverse_sqrt_correction2, epsilon, shrink;
};

template <class T>
PAPILLON_INLINE void adam_update_range(std::size_t n, T* p_, const T* g_, T* m_, T* v_,
                                       Coefficients<T> c) {
  T* __restrict p = p_;
  const T* __restrict g = g_;
  T* __restrict m = m_;
  T* __restrict v = v_;
  for (std::size_t i = 0; i < n; ++i) {
    m[i] = c.beta1 * m[i] + c.one_minus_beta1 * g[i];
    v[i] = c.beta2 * v[i] + c.one_minus_beta2 * g[i] * g[i];
    p[i] = p[i] * c.shrink -
           c.rate * m[i] / (std::sqrt(v[i]) * c.inverse_sqrt_correction2 + c.epsilon);
  }
}

PAPILLON_CLONES void adam_update_all(std::size_t n, float* p, const float* g, float* m, float* v,
                                     Coefficients<float> c) {
  adam_update_range(n, p, g, m, v, c);
}
PAPILLON_CLONES void adam_update_all(std::size_t n, double* p, const double* g, double* m,
                                     double* v, Coefficients<double> c) {
  adam_update_range(n, p, g, m, v, c);
}

}  // namespace

template <class T>
void adam_update(std::span<T> p, std::span<const T> g, std::span<T> m, std::span<T> v,
                 std::uint64_t step, const AdamOptions& o) {
  if (g.size() != p.size() || m.size() != p.size() || v.size() != p.size())
    throw ShapeError(fmt::format("adam_update: {} parameters, {} gradients, {} and {} moments",
                                 p.size(), g.size(), m.size(), v.size()));
  if (step == 0) throw ArgumentError("adam_update: steps count from 1");
  const double correction1 = 1 - std::pow(o.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(o.beta2, static_cast<double>(step));
  const Coefficients<T> c{static_cast<T>(o.beta1),
                          static_cast<T>(o.beta2),
                          static_cast<T>(1 - o.beta1),
                          static_cast<T>(1 - o.beta2),
                          static_cast<T>(o.learning_rate / correction1),
                          static_cast<T>(1 / std::sqrt(correction2)),
                          static_cast<T>(o.epsilon),
                          static_cast<T>(1 - o.learning_rate * o.weight_decay)};
  adam_update_all(p.size(), p.data(), g.data(), m.data(), v.data(), c);
}

template void adam_update(std::span<float>, std::span<const float>, std::span<float>,
                          std::span<float>, std::uint64_t, const AdamOptions&);
template void adam_update(std::span<double>, std::span<const double>, std::span<double>,
                          std::span<double>, std::uint64_t, const AdamOptions&);

}  // namespace papillon
