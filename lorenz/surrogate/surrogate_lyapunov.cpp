#include "papillon/lorenz/surrogate/surrogate_lyapunov.hpp"

#include <algorithm>

#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/manipulate.hpp"

namespace papillon::inline surrogate {

LyapunovSpectrum surrogate_lyapunov(const Surrogate& surrogate, const Tensor<double>& states,
                                    LyapunovOptions options) {
  const std::size_t d = surrogate.dimension();
  if (states.rank() != 2 || states.extent(1) != d || states.extent(0) < 2)
    throw ShapeError("surrogate_lyapunov: states have shape " + to_string(states.shape()) +
                     "; must be [N, " + std::to_string(d) + "], two or more");
  options.trajectories = states.extent(0);
  options.dt = surrogate.time_step();
  const SingleThreadedBlas guard;
  return lyapunov_spectrum(
      states, options, [&](Tensor<double>& components, Tensor<double>& tangents) {
        const std::size_t rows = components.extent(1);
        const Var<double> x = Var<double>::parameter(transpose(components));
        const Var<double> next = surrogate.step(x);
        for (std::size_t k = 0; k < d; ++k) {  // each tangent vector, [D, N]
          double* tangent = tangents.data() + k * d * rows;
          const Tensor<double> columns(Shape{d, rows}, std::span<const double>(tangent, d * rows));
          const Tensor<double> image =
              transpose(jvp(next, {x}, {Var<double>(transpose(columns))}).value());
          std::copy(image.begin(), image.end(), tangent);
        }
        components = transpose(next.value());
      });
}

}  // namespace papillon::inline surrogate
