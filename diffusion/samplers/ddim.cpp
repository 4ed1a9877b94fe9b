#include "papillon/diffusion/samplers/ddim.hpp"

#include <fmt/format.h>

namespace papillon {

template <class T>
Tensor<T> ddim(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options, const DdimOptions& own) {
  if (!(own.eta >= 0 && own.eta <= 1))
    throw ArgumentError(fmt::format("ddim: eta is {}; must be between 0 and 1", own.eta));
  const ReverseProcess<T> process(model, timesteps, options);
  return process.run(
      std::move(start), [&](Tensor<T>& z, const NoiseLevel& from, const NoiseLevel& to, int) {
        const auto [state, noise] = process.predict(z, from);
        const double deviation = own.eta * posterior_deviation(from, to);
        // What is left of the noise: sigma^2 - deviation^2 as a product, which rounding cannot make
        // negative (the deviation is at most sigma).
        const double kept = std::sqrt((to.sigma - deviation) * (to.sigma + deviation));
        z = combine(to.alpha, state, kept, noise);
        if (to.t > 0) process.add_noise(z, deviation, to.t);
      });
}

template Tensor<float> ddim(const DenoisingModel<float>&, const std::vector<int>&, Tensor<float>,
                            const StepOptions&, const DdimOptions&);
template Tensor<double> ddim(const DenoisingModel<double>&, const std::vector<int>&, Tensor<double>,
                             const StepOptions&, const DdimOptions&);

Sampler ddim_sampler(const DdimOptions& own) {
  return {"ddim", Spacing::uniform,
          [own](const auto& model, const auto& timesteps, auto z, const StepOptions& options) {
            return ddim(model, timesteps, std::move(z), options, own);
          },
          fmt::format(" eta {}", own.eta)};
}

}  // namespace papillon
