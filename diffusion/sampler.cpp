#include "papillon/diffusion/sampler.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "papillon/diffusion/samplers/ddim.hpp"
#include "papillon/diffusion/samplers/ddpm.hpp"
#include "papillon/diffusion/samplers/dpm_solver_pp.hpp"
#include "papillon/diffusion/samplers/heun.hpp"

namespace papillon {

namespace {

constexpr std::array<std::string_view, 5> sampler_names{"ddpm", "ddim", "dpm2m", "dpm3m", "heun"};

template <class T>
Tensor<T> dispatch(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> z,
                   const SamplerOptions& options) {
  StepOptions step = options;
  step.order = options.sampler == SamplerName::dpm3m ? 3 : 2;
  switch (options.sampler) {
    case SamplerName::ddpm:
      return ddpm(model, timesteps, std::move(z), step);
    case SamplerName::ddim:
      return ddim(model, timesteps, std::move(z), step);
    case SamplerName::dpm2m:
    case SamplerName::dpm3m:
      return dpm_solver_pp(model, timesteps, std::move(z), step);
    case SamplerName::heun:
      return heun(model, timesteps, std::move(z), step);
  }
  throw ArgumentError("sample: not a sampler");
}

}  // namespace

std::string to_string(SamplerName name) {
  return std::string(sampler_names.at(static_cast<std::size_t>(name)));
}

SamplerName parse_sampler(std::string_view name) {
  for (std::size_t i = 0; i < sampler_names.size(); ++i)
    if (sampler_names[i] == name) return static_cast<SamplerName>(i);
  throw ArgumentError(
      fmt::format("unknown sampler \"{}\"; ddpm, ddim, dpm2m, dpm3m or heun", name));
}

std::string describe(const SamplerOptions& o) {
  std::string text = to_string(o.sampler);
  if (o.timesteps.empty())
    text += fmt::format(" steps {} spacing {}", o.steps, to_string(o.spacing));
  else
    text += fmt::format(" timesteps {}", fmt::join(o.timesteps, " "));
  if (o.timesteps.empty() && o.spacing == Spacing::karras) text += fmt::format(" rho {}", o.rho);
  if (o.sampler == SamplerName::ddim) text += fmt::format(" eta {}", o.eta);
  if (o.sampler == SamplerName::ddpm)
    text += o.variance == DdpmVariance::fixed_small ? " variance small" : " variance large";
  if (o.sampler == SamplerName::dpm2m || o.sampler == SamplerName::dpm3m)
    text += fmt::format(" lower_order_final {} largest_step_ratio {} temper_long_steps {}",
                        o.lower_order_final, o.largest_step_ratio, o.temper_long_steps);
  return text + fmt::format(" clip {} final_alpha_bar {}", o.clip, o.final_alpha_bar);
}

std::vector<int> sampler_timesteps(const NoiseSchedule& schedule, const SamplerOptions& options) {
  if (options.timesteps.empty())
    return make_timesteps(options.spacing, schedule, options.steps, options.rho);
  check_timesteps(options.timesteps, schedule, true);
  return options.timesteps;
}

template <class T>
Samples<T> sample_from(const DenoisingModel<T>& model, Tensor<T> z,
                       const std::vector<int>& timesteps, const SamplerOptions& options) {
  check_timesteps(timesteps, model.schedule, true);
  if (options.eta != 0 && options.sampler != SamplerName::ddim)
    throw ArgumentError(fmt::format("sample: eta {} with {}; it is DDIM's alone", options.eta,
                                    to_string(options.sampler)));
  if (options.variance != DdpmVariance::fixed_small && options.sampler != SamplerName::ddpm)
    throw ArgumentError(fmt::format("sample: fixed_large variance with {}; it is DDPM's alone",
                                    to_string(options.sampler)));
  int evaluations = 0;
  DenoisingModel<T> counted = model;
  if (model.denoiser)
    counted.denoiser = [&](const Tensor<T>& noised, int t) {
      ++evaluations;
      return model.denoiser(noised, t);
    };
  Tensor<T> states = dispatch(counted, timesteps, std::move(z), options);
  if (!all_finite(states))
    throw NumericalError(
        fmt::format("sample: {} gave states that are not finite; the model's predictions diverge",
                    to_string(options.sampler)));
  return {std::move(states), evaluations};
}

template <class T>
Samples<T> sample(const DenoisingModel<T>& model, std::size_t rows, std::size_t dimension,
                  const SamplerOptions& options) {
  if (dimension == 0) throw ArgumentError("sample: states of no components; must be at least one");
  const auto timesteps = sampler_timesteps(model.schedule, options);
  auto z = Tensor<T>::zeros({rows, dimension});
  add_noise(z, 1, timesteps.front(), options);
  return sample_from(model, std::move(z), timesteps, options);
}

#define PAPILLON_INSTANTIATE(T)                                                                 \
  template Samples<T> sample_from(const DenoisingModel<T>&, Tensor<T>, const std::vector<int>&, \
                                  const SamplerOptions&);                                       \
  template Samples<T> sample(const DenoisingModel<T>&, std::size_t, std::size_t,                \
                             const SamplerOptions&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
