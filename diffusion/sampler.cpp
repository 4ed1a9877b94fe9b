#include "papillon/diffusion/sampler.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace papillon {
namespace {

Spacing spacing_of(const SamplerOptions& options) {
  return options.spacing.value_or(options.sampler.spacing());
}

}  // namespace

SamplerOptions::SamplerOptions() = default;

std::string describe(const SamplerOptions& o) {
  std::string text = o.sampler.name();
  if (o.timesteps.empty())
    text += fmt::format(" steps {} spacing {}", o.steps, to_string(spacing_of(o)));
  else
    text += fmt::format(" timesteps {}", fmt::join(o.timesteps, " "));
  if (o.timesteps.empty() && spacing_of(o) == Spacing::karras)
    text += fmt::format(" rho {}", o.rho);
  return text + o.sampler.settings() +
         fmt::format(" clip {} final_alpha_bar {}", o.clip, o.final_alpha_bar);
}

std::vector<int> sampler_timesteps(const NoiseSchedule& schedule, const SamplerOptions& options) {
  if (options.timesteps.empty())
    return make_timesteps(spacing_of(options), schedule, options.steps, options.rho);
  check_timesteps(options.timesteps, schedule, true);
  return options.timesteps;
}

const SamplerRegistry& samplers() {
  static const SamplerRegistry registry = [] {
    SamplerRegistry all;
    all.add<DdpmOptions>("ddpm", ddpm_sampler);
    all.add<DdimOptions>("ddim", ddim_sampler);
    for (const char* prefix : {"dpm", "dpmpp"})
      for (const int order : {2, 3})
        all.add(fmt::format("{}{}m", prefix, order), dpm_solver_sampler,
                DpmSolverOptions{.order = order});
    all.add<NoOptions>("heun", heun_sampler);
    return all;
  }();
  return registry;
}

SamplerOptions SamplerChoice::make() const {
  SamplerOptions options;
  options.sampler = sampler.make();
  options.steps = steps;
  if (spacing != "auto") options.spacing = parse_enum<Spacing>(spacing, "--spacing");
  options.rho = rho;
  options.clip = clip;
  return options;
}

template <class T>
Samples<T> sample_from(const DenoisingModel<T>& model, Tensor<T> z,
                       const std::vector<int>& timesteps, const SamplerOptions& options) {
  check_timesteps(timesteps, model.schedule, true);
  int evaluations = 0;
  DenoisingModel<T> counted = model;
  if (model.denoiser)
    counted.denoiser = [&](const Tensor<T>& noised, int t) {
      ++evaluations;
      return model.denoiser(noised, t);
    };
  Tensor<T> states = options.sampler(counted, timesteps, std::move(z), options);
  if (!all_finite(states))
    throw NumericalError(
        fmt::format("sample: {} gave states that are not finite; the model's predictions diverge",
                    options.sampler.name()));
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
