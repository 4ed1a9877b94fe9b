#include "papillon/diffusion/partial.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon {

namespace {

// [N, D] to [N * members, D]: each row `members` times in a row.
template <class T>
Tensor<T> repeat_rows(const Tensor<T>& x, std::size_t members) {
  const std::size_t n = x.extent(0), d = x.extent(1);
  Tensor<T> out(Shape{n * members, d});
  for (std::size_t row = 0; row < n * members; ++row)
    std::copy_n(x.data() + row / members * d, d, out.data() + row * d);
  return out;
}

// [N * members, D] as repeat_rows orders it to [members, N, D].
template <class T>
Tensor<T> members_first(const Tensor<T>& x, std::size_t n, std::size_t members) {
  const std::size_t d = x.extent(1);
  Tensor<T> out(Shape{members, n, d});
  for (std::size_t row = 0; row < n * members; ++row)
    std::copy_n(x.data() + row * d, d, out.data() + (row % members * n + row / members) * d);
  return out;
}

}  // namespace

template <class T>
Tensor<T> diffuse(const NoiseSchedule& schedule, const Tensor<T>& states, int t,
                  const StepOptions& options) {
  const T alpha = static_cast<T>(schedule.alpha(t));
  Tensor<T> z = states;
  for (T& x : z) x *= alpha;
  add_noise(z, schedule.sigma(t), t, options);
  return z;
}

template <class T>
Samples<T> diffuse_and_denoise(const DenoisingModel<T>& model, const Tensor<T>& states, int members,
                               int start_step, const SamplerOptions& options) {
  if (states.rank() != 2)
    throw ShapeError(fmt::format("diffuse_and_denoise: states of shape {}; must be [N, D]",
                                 to_string(states.shape())));
  if (members < 1)
    throw ArgumentError(
        fmt::format("diffuse_and_denoise: {} members; must be at least 1", members));
  const auto count = static_cast<std::size_t>(members);
  const auto timesteps = last_steps(sampler_timesteps(model.schedule, options), start_step);
  SamplerOptions local = options;
  local.first_row *= count;
  Tensor<T> z = diffuse(model.schedule, repeat_rows(states, count), timesteps.front(), local);
  auto out = sample_from(model, std::move(z), timesteps, local);
  out.states = members_first(out.states, states.extent(0), count);
  return out;
}

template <class T>
Tensor<T> ddim_inversion(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                         Tensor<T> states, int refinements) {
  if (refinements < 0)
    throw ArgumentError(
        fmt::format("ddim_inversion: {} refinements; must not be negative", refinements));
  const StepOptions options;
  const ReverseProcess<T> process(model, timesteps, options);
  Tensor<T> z = std::move(states);
  for (int i = process.steps(); i > 0; --i) {
    const NoiseLevel from = process.level(i), to = process.level(i - 1);
    const double scale = std::exp(to.log_alpha - from.log_alpha);
    const auto arrive = [&](const Tensor<T>& noise) {
      return combine(scale, z, to.sigma - from.sigma * scale, noise);
    };
    // A clean state holds no noise to predict: that step looks from where it arrives.
    Tensor<T> next = from.sigma > 0 ? arrive(process.predict(z, from).noise)
                                    : arrive(process.predict(combine(scale, z, 0, z), to).noise);
    for (int k = 0; k < refinements; ++k) next = arrive(process.predict(next, to).noise);
    z = std::move(next);
  }
  return z;
}

#define PAPILLON_INSTANTIATE(T)                                                                   \
  template Tensor<T> diffuse(const NoiseSchedule&, const Tensor<T>&, int, const StepOptions&);    \
  template Samples<T> diffuse_and_denoise(const DenoisingModel<T>&, const Tensor<T>&, int, int,   \
                                          const SamplerOptions&);                                 \
  template Tensor<T> ddim_inversion(const DenoisingModel<T>&, const std::vector<int>&, Tensor<T>, \
                                    int);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
