#include "papillon/diffusion/samplers/dpm_solver_pp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon {

namespace {

// The steps in lambda on both sides of a point are alike enough to extrapolate across it.
bool alike(double h, double previous, double ratio) {
  return h <= ratio * previous && previous <= ratio * h;
}

// Over long steps a parabola extrapolates worse than a line; where steps shrink, it reaches less
// far than what it was drawn through, and may be longer.
bool parabola_holds(double h, double previous) {
  return h <= 0.3 || (h <= 0.5 && h <= previous);
}

// How much of the slope in lambda a step of second order takes. Predicted states settle as noise
// goes: over a long step, the slope that was does not last to its end. 1 over short steps, and 1 -
// O(h) does not change the order.
double part_of_slope(double h, double previous) {
  return h <= 0.4 ? 1 : std::min(1.0, previous / h) / (1 + h / 2);
}

}  // namespace

template <class T>
Tensor<T> dpm_solver_pp(const DenoisingModel<T>& model, const std::vector<int>& timesteps,
                        Tensor<T> start, const StepOptions& options, const DpmSolverOptions& own) {
  if (own.order < 1 || own.order > 3)
    throw ArgumentError(fmt::format("dpm_solver_pp: order is {}; must be 1, 2 or 3", own.order));
  if (!(own.largest_step_ratio >= 1))
    throw ArgumentError(fmt::format("dpm_solver_pp: largest step ratio is {}; must be at least 1",
                                    own.largest_step_ratio));
  const ReverseProcess<T> process(model, timesteps, options);
  Tensor<T> m1, m2;       // the states predicted one and two steps ago
  double h1 = 0, h2 = 0;  // and the steps in lambda that followed those predictions
  int history = 0;        // how many of them to use
  return process.run(std::move(start), [&](Tensor<T>& z, const NoiseLevel& from,
                                           const NoiseLevel& to, int i) {
    Tensor<T> m0 = process.predict(z, from).state;
    const double h = to.lambda - from.lambda;
    history = std::isfinite(h) && alike(h, h1, own.largest_step_ratio) ? history : 0;
    int order = std::min(own.order, history + 1);
    const bool temper = own.temper_long_steps;
    if (temper && !parabola_holds(h, h1)) order = std::min(order, 2);
    if (own.lower_order_final) order = std::min(order, process.steps() - i);
    const double phi = -std::expm1(-h);  // 1 - e^-h
    z = combine(to.sigma / from.sigma, z, to.alpha * phi, m0);
    if (order >= 2) {
      Tensor<T> d1 = combine(h / h1, m0, -h / h1, m1);  // h times the slope of the state in lambda
      if (order == 2) {
        z = combine(1, z, to.alpha * phi / 2 * (temper ? part_of_slope(h, h1) : 1), d1);
      } else {
        // The parabola through the three predictions, integrated exactly. The authors' code (and
        // those that follow it) has half the weight of its bend, and with that is of second order.
        const Tensor<T> d2 = combine(h / h2, m1, -h / h2, m2);
        const double r = h1 / (h1 + h2), q = h / (h1 + h2);
        const Tensor<T> slope = combine(1 + r, d1, -r, d2), bend = combine(q, d1, -q, d2);
        z = combine(1, z, to.alpha * (1 - phi / h), slope, to.alpha * (1 - 2 * (h - phi) / (h * h)),
                    bend);
      }
    }
    m2 = std::exchange(m1, std::move(m0));
    h2 = std::exchange(h1, h);
    ++history;
  });
}

template Tensor<float> dpm_solver_pp(const DenoisingModel<float>&, const std::vector<int>&,
                                     Tensor<float>, const StepOptions&, const DpmSolverOptions&);
template Tensor<double> dpm_solver_pp(const DenoisingModel<double>&, const std::vector<int>&,
                                      Tensor<double>, const StepOptions&, const DpmSolverOptions&);

Sampler dpm_solver_sampler(const DpmSolverOptions& own) {
  return {fmt::format("dpm{}m", own.order), Spacing::log_snr,
          [own](const auto& model, const auto& timesteps, auto z, const StepOptions& options) {
            return dpm_solver_pp(model, timesteps, std::move(z), options, own);
          },
          fmt::format(" lower_order_final {} largest_step_ratio {} temper_long_steps {}",
                      own.lower_order_final, own.largest_step_ratio, own.temper_long_steps)};
}

}  // namespace papillon
