#include "papillon/lorenz/assimilation/sources/diffusion.hpp"

#include <fmt/format.h>

#include "papillon/diffusion/partial.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {
namespace {

class DiffusionSource final : public EnsembleSource {
 public:
  DiffusionSource(DenoisingModel<float> model, std::vector<double> shift, std::vector<double> scale,
                  DiffusionSourceOptions options)
      : model_(std::move(model)),
        shift_(std::move(shift)),
        scale_(std::move(scale)),
        options_(std::move(options)) {
    if (options_.members < 2)
      throw ArgumentError(
          fmt::format("diffusion source: has {} members; must have 2 or more", options_.members));
    const int start =
        last_steps(sampler_timesteps(model_.schedule, options_.sampler), options_.start_step)
            .front();
    Normalisation{shift_, scale_}.check("diffusion source");
    traits_ = {
        fmt::format("diffusion members {} start_step {} (t = {}) sampler {} head {} schedule {} {}",
                    options_.members, options_.start_step, start, describe(options_.sampler),
                    to_string(model_.head), model_.schedule.name(), model_.schedule.steps()),
        shift_.size(), static_cast<std::size_t>(options_.members), true};
    const std::size_t numbers =
        (static_cast<std::size_t>(model_.schedule.steps()) + 1) * members() * dimension();
    if (numbers > RandomAddress::numbers_a_cycle)
      throw ArgumentError(fmt::format(
          "diffusion source: {} members of {} components need more random numbers than a cycle has",
          members(), dimension()));
  }

  void fill(const Tensor<double>& backgrounds, std::span<const RandomAddress> addresses,
            Tensor<double>& ensembles) const override {
    const std::size_t n = addresses.size(), d = dimension(), m = members();
    Tensor<float> x(Shape{n, d});
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>((backgrounds[i] - shift_[i % d]) / scale_[i % d]);
    SamplerOptions sampler = options_.sampler;
    sampler.first_row = 0;
    // Number (t, member, component) of the state's own sequence, whatever is in the batch with it.
    sampler.noise = [&](int t, std::uint64_t, std::span<double> out) {
      parallel_for(n, [&](std::size_t row) {
        addresses[row].normal(Purpose::diffusion_ensembles, out.subspan(row * m * d, m * d),
                              static_cast<std::uint64_t>(t) * m * d);
      });
    };
    const Tensor<float> samples =  // [m, n, d]
        diffuse_and_denoise(model_, x, options_.members, options_.start_step, sampler).states;
    for (std::size_t member = 0; member < m; ++member)
      for (std::size_t row = 0; row < n; ++row)
        for (std::size_t i = 0; i < d; ++i)
          ensembles[(row * m + member) * d + i] =
              static_cast<double>(samples[(member * n + row) * d + i]) * scale_[i] + shift_[i];
  }

 private:
  DenoisingModel<float> model_;
  std::vector<double> shift_, scale_;
  DiffusionSourceOptions options_;
};

}  // namespace

SamplerOptions paper_sampler() {
  SamplerOptions options;
  options.sampler = ddpm_sampler();
  options.steps = 100;
  return options;
}

SourcePointer diffusion_source(const DenoisingModel<float>& model, std::vector<double> shift,
                               std::vector<double> scale, const DiffusionSourceOptions& options) {
  return std::make_shared<DiffusionSource>(model, std::move(shift), std::move(scale), options);
}

SourcePointer diffusion_source(const DiffusionModel& model, const DiffusionSourceOptions& options) {
  return diffusion_source({make_denoiser(model), model.schedule, model.head},
                          model.normalisation.shift, model.normalisation.scale, options);
}

std::shared_ptr<const DiffusionModel> ReverseProcessOptions::read(const MethodInputs& inputs,
                                                                  SamplerOptions& sampler) const {
  if (model.empty()) throw ArgumentError("--model FILE is needed");
  if (start_step > steps)
    throw ArgumentError(fmt::format("--start-step {} is more than --steps {}", start_step, steps));
  const auto diffusion = inputs.diffusion_model(model);
  if (steps > diffusion->schedule.steps())
    throw ArgumentError(fmt::format("--steps {}: {} has {} diffusion steps", steps, model,
                                    diffusion->schedule.steps()));
  sampler.steps = steps;
  sampler.spacing = spacing;
  return diffusion;
}

DenoisingOptions::DenoisingOptions() = default;

SourcePointer make_diffusion_source(const WithMembers<DenoisingOptions>& options,
                                    const MethodInputs& inputs) {
  DiffusionSourceOptions source;
  source.members = static_cast<int>(options.members);
  source.start_step = options.own.process.start_step;
  source.sampler.sampler = options.own.sampler.make();
  const auto model = options.own.process.read(inputs, source.sampler);
  return diffusion_source(*model, source);
}

}  // namespace papillon::inline assimilation
