#include "papillon/lorenz/assimilation/model_noise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/lorenz/assimilation/covariance.hpp"
#include "papillon/lorenz/assimilation/model.hpp"

namespace papillon::inline assimilation {

ModelNoise covariance_noise(const Tensor<double>& covariance, std::size_t every) {
  return {every, covariance_factor(covariance, "model noise: the covariance")};
}

ModelNoise deviation_noise(std::vector<double> deviations, std::size_t every) {
  for (const double d : deviations)
    if (!(std::isfinite(d) && d >= 0))
      throw ArgumentError(fmt::format("model noise: deviation is {}; must not be negative", d));
  return {every, Tensor<double>(Shape{deviations.size()}, deviations)};
}

void check_model_noise(const ModelNoise& noise, std::size_t dimension, std::size_t steps) {
  if (noise.every == 0) return;
  if (noise.factor.shape() != Shape{dimension} &&
      noise.factor.shape() != Shape{dimension, dimension})
    throw ShapeError(fmt::format("model noise: factor has shape {}; must fit {} components",
                                 to_string(noise.factor.shape()), dimension));
  if (steps % noise.every != 0)
    throw ArgumentError(fmt::format(
        "model noise: {} steps between observations; must be a multiple of the {} between two "
        "noises",
        steps, noise.every));
}

void add_model_noise(const ModelNoise& noise, Rows states, std::size_t number,
                     const RandomAddress& address, Purpose purpose, Arena& memory) {
  const Arena::Scope frame(memory);
  const Rows e = memory.rows(states.count, states.width);
  address.normal(purpose, e.values(), number * e.size());
  for (std::size_t m = 0; m < states.count; ++m)
    for (std::size_t i = 0; i < states.width; ++i) {
      if (noise.factor.rank() == 1) {
        states[m][i] += noise.factor[i] * e[m][i];
      } else {
        for (std::size_t j = 0; j < states.width; ++j) states[m][i] += noise.factor(i, j) * e[m][j];
      }
    }
}

void advance_with_noise(const ForecastModel& model, const ModelNoise& noise, Rows states,
                        std::size_t done, std::size_t steps,
                        const std::function<void(std::size_t)>& add_noise) {
  if (noise.every == 0) return model.advance(states, steps);
  check_model_noise(noise, states.width, 0);
  for (const std::size_t end = done + steps; done < end;) {
    const std::size_t part = std::min(end - done, noise.every - done % noise.every);
    model.advance(states, part);
    done += part;
    if (done % noise.every == 0) add_noise(done / noise.every - 1);
  }
}

void advance_with_noise(const ForecastModel& model, const ModelNoise& noise, Rows states,
                        std::size_t done, std::size_t steps, const RandomAddress& address,
                        Purpose purpose, Arena& memory) {
  advance_with_noise(model, noise, states, done, steps, [&](std::size_t number) {
    add_model_noise(noise, states, number, address, purpose, memory);
  });
}

}  // namespace papillon::inline assimilation
