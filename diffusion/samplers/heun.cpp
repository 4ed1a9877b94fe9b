#include "papillon/diffusion/samplers/heun.hpp"

namespace papillon {

template <class T>
Tensor<T> heun(const DenoisingModel<T>& model, const std::vector<int>& timesteps, Tensor<T> start,
               const StepOptions& options) {
  const ReverseProcess<T> process(model, timesteps, options);
  return process.run(
      std::move(start), [&](Tensor<T>& z, const NoiseLevel& from, const NoiseLevel& to, int) {
        const auto [state, noise] = process.predict(z, from);
        z = combine(to.alpha, state, to.sigma, noise);
        if (to.sigma == 0 || !(to.lambda - from.lambda < 3)) return;
        // d(z / alpha) = noise d(sigma / alpha): the other half of the trapezoid.
        const double half = to.alpha * (std::exp(-to.lambda) - std::exp(-from.lambda)) / 2;
        const Tensor<T> corrected = process.predict(z, to).noise;
        z = combine(1, z, half, corrected, -half, noise);
      });
}

template Tensor<float> heun(const DenoisingModel<float>&, const std::vector<int>&, Tensor<float>,
                            const StepOptions&);
template Tensor<double> heun(const DenoisingModel<double>&, const std::vector<int>&, Tensor<double>,
                             const StepOptions&);

}  // namespace papillon
