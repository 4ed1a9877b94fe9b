#include "papillon/diffusion/samplers/heun.hpp"

namespace papillon {

template <class T>
Tensor<T> heun(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options) {
  const ReverseProcess<T> process(model, timesteps, options);
  return process.run(std::move(start),
                     [&](Tensor<T>& z, const NoiseLevel& from, const NoiseLevel& to, int) {
                       const auto [state, noise] = process.predict(z, from);
                       z = combine(to.alpha, state, to.sigma, noise);
                       const double h = to.lambda - from.lambda;
                       if (!std::isfinite(h)) return;
                       // The other half of the trapezoid: the line from the first state to the
                       // second, integrated.
                       const double weight = to.alpha * (1 + std::expm1(-h) / h);
                       const Tensor<T> second = process.predict(z, to).state;
                       z = combine(1, z, weight, second, -weight, state);
                     });
}

template Tensor<float> heun(const DenoisingModel<float>&, const std::vector<int>&, Tensor<float>,
                            const StepOptions&);
template Tensor<double> heun(const DenoisingModel<double>&, const std::vector<int>&, Tensor<double>,
                             const StepOptions&);

Sampler heun_sampler(const NoOptions&) {
  return {"heun", Spacing::log_snr,
          [](const auto& model, const auto& timesteps, auto z, const StepOptions& options) {
            return heun(model, timesteps, std::move(z), options);
          }};
}

}  // namespace papillon
