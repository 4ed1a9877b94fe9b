#include "papillon/diffusion/samplers/process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

namespace {

// Elements that one thread takes at a time; results do not depend on it.
constexpr std::size_t chunk = 1 << 14;
// Together the 57 bits that number the elements of a stream (tensor/random.hpp); a schedule has
// fewer than 2^20 steps.
constexpr unsigned element_bits = 37, step_bits = 20;

void require_same(const Shape& x, const Shape& y) {
  if (x != y) throw_shape_error("combine", x, y, "the shapes must be the same");
}

}  // namespace

template <class T>
Tensor<T> combine(double a, const Tensor<T>& x, double b, const Tensor<T>& y) {
  require_same(x.shape(), y.shape());
  Tensor<T> out(x.shape());
  const T ca = static_cast<T>(a), cb = static_cast<T>(b);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = ca * x[i] + cb * y[i];
  return out;
}

template <class T>
Tensor<T> combine(double a, const Tensor<T>& x, double b, const Tensor<T>& y, double c,
                  const Tensor<T>& w) {
  require_same(x.shape(), y.shape());
  require_same(x.shape(), w.shape());
  Tensor<T> out(x.shape());
  const T ca = static_cast<T>(a), cb = static_cast<T>(b), cc = static_cast<T>(c);
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = ca * x[i] + cb * y[i] + cc * w[i];
  return out;
}

template <class T>
void add_noise(Tensor<T>& z, double deviation, int t, const StepOptions& options) {
  if (deviation == 0 || z.empty()) return;
  const std::uint64_t columns = z.size() / z.extent(0);
  constexpr std::uint64_t limit = std::uint64_t{1} << element_bits;
  const std::uint64_t rows = z.extent(0);
  if (options.first_row >= limit / columns || rows > limit / columns - options.first_row)
    throw ArgumentError(
        fmt::format("add_noise: rows {} to {} of {} components; at most 2^{} elements",
                    options.first_row, options.first_row + rows, columns, element_bits));
  if (t < 0 || t >> step_bits != 0)
    throw ArgumentError(
        fmt::format("add_noise: step {}; must be between 0 and 2^{} - 1", t, step_bits));
  const std::uint64_t first = options.first_row * columns;
  const T scale = static_cast<T>(deviation);
  if (options.noise) {
    std::vector<double> noise(z.size());
    options.noise(t, first, noise);
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += scale * static_cast<T>(noise[i]);
    return;
  }
  const std::uint64_t offset = (static_cast<std::uint64_t>(t) << element_bits) + first;
  parallel_for((z.size() + chunk - 1) / chunk, [&](std::size_t k) {
    const std::size_t begin = k * chunk, end = std::min(z.size(), begin + chunk);
    std::vector<T> noise(end - begin);
    fill_normal<T>(options.random, offset + begin, noise);
    for (std::size_t i = begin; i < end; ++i) z[i] += scale * noise[i - begin];
  });
}

template <class T>
ReverseProcess<T>::ReverseProcess(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                                  const StepOptions& options)
    : model_(model), timesteps_(timesteps), options_(options) {
  if (!model.denoiser) throw ArgumentError("sampling: the model has no denoiser");
  check_timesteps(timesteps, model.schedule, false);
  check_head(model.head, model.schedule);
  if (!(options.clip >= 0))
    throw ArgumentError(
        fmt::format("sampling: clip {}; must be positive, or 0 for none", options.clip));
  // Noise must not grow in the last step.
  const double before = model.schedule.alpha_bar(timesteps[timesteps.size() - 2]);
  if (!(options.final_alpha_bar > before && options.final_alpha_bar <= 1))
    throw ArgumentError(fmt::format(
        "sampling: final alpha_bar {}; must be above that of the step before ({}) and at most 1",
        options.final_alpha_bar, before));
}

template <class T>
NoiseLevel ReverseProcess<T>::level(int i) const {
  const int t = timesteps_.at(static_cast<std::size_t>(i));
  if (t == 0 && options_.final_alpha_bar < 1) {
    const double log_alpha = 0.5 * std::log(options_.final_alpha_bar);
    const double sigma = std::sqrt(1 - options_.final_alpha_bar);
    return {t, log_alpha, std::exp(log_alpha), sigma, log_alpha - std::log(sigma)};
  }
  const NoiseSchedule& s = model_.schedule;
  return {t, s.log_alpha(t), s.alpha(t), s.sigma(t), s.lambda(t)};
}

template <class T>
Prediction<T> ReverseProcess<T>::predict(const Tensor<T>& z, const NoiseLevel& at) const {
  auto out = recover(model_.head, at.alpha, at.sigma, z, model_.denoiser(z, at.t));
  if (options_.clip > 0) {
    const T clip = static_cast<T>(options_.clip);
    for (T& x : out.state) x = std::clamp(x, -clip, clip);
  }
  return out;
}

template <class T>
void ReverseProcess<T>::add_noise(Tensor<T>& z, double deviation, int t) const {
  papillon::add_noise(z, deviation, t, options_);
}

template <class T>
void ReverseProcess<T>::check_state(const Tensor<T>& z) const {
  if (z.rank() != 2)
    throw ShapeError(
        fmt::format("sampling: states of shape {}; must be [N, D]", to_string(z.shape())));
}

#define PAPILLON_INSTANTIATE(T)                                                          \
  template class ReverseProcess<T>;                                                      \
  template Tensor<T> combine(double, const Tensor<T>&, double, const Tensor<T>&);        \
  template Tensor<T> combine(double, const Tensor<T>&, double, const Tensor<T>&, double, \
                             const Tensor<T>&);                                          \
  template void add_noise(Tensor<T>&, double, int, const StepOptions&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
