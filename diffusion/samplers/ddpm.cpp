#include "papillon/diffusion/samplers/ddpm.hpp"

namespace papillon {

template <class T>
Tensor<T> ddpm(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options, const DdpmOptions& own) {
  const ReverseProcess<T> process(model, timesteps, options);
  return process.run(std::move(start), [&](Tensor<T>& z, const NoiseLevel& from,
                                           const NoiseLevel& to, int) {
    const auto [state, noise] = process.predict(z, from);
    const double beta = step_beta(from, to);
    const double variance = from.sigma * from.sigma;
    // The posterior mean (eq. 7) in the state and z.
    z = combine(to.alpha * beta / variance, state,
                std::exp(from.log_alpha - to.log_alpha) * to.sigma * to.sigma / variance, z);
    const double deviation =
        own.variance == DdpmVariance::fixed_small ? posterior_deviation(from, to) : std::sqrt(beta);
    if (to.t > 0) process.add_noise(z, deviation, to.t);
  });
}

template Tensor<float> ddpm(const DenoisingModel<float>&, const std::vector<int>&, Tensor<float>,
                            const StepOptions&, const DdpmOptions&);
template Tensor<double> ddpm(const DenoisingModel<double>&, const std::vector<int>&, Tensor<double>,
                             const StepOptions&, const DdpmOptions&);

Sampler ddpm_sampler(const DdpmOptions& own) {
  return {"ddpm", Spacing::uniform,
          [own](const auto& model, const auto& timesteps, auto z, const StepOptions& options) {
            return ddpm(model, timesteps, std::move(z), options, own);
          },
          " variance " + to_string(own.variance)};
}

}  // namespace papillon
