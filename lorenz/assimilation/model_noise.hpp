// Additive noise of a forecast model.
#pragma once

#include <functional>
#include <vector>

#include "papillon/lorenz/assimilation/random_address.hpp"
#include "papillon/tensor/arena.hpp"

namespace papillon::inline assimilation {

class ForecastModel;

// Gaussian noise N(0, Q), added to every state after each `every` model steps, counted from the
// last observation time. every = 1 is noise in each step, every = steps_per_cycle in each cycle.
struct ModelNoise {
  std::size_t every = 0;  // 0: none
  Tensor<double> factor;  // [D]: standard deviations; [D, D]: a square root L of Q = L L^T
};
// From a covariance Q [D, D]. Throws as covariance_factor() does.
ModelNoise covariance_noise(const Tensor<double>& covariance, std::size_t every);
// From standard deviations [D]. Throws ArgumentError for one that is negative or not finite.
ModelNoise deviation_noise(std::vector<double> deviations, std::size_t every);

// Throws ShapeError or ArgumentError unless the noise fits states of that dimension and cycles of
// that many steps.
void check_model_noise(const ModelNoise& noise, std::size_t dimension, std::size_t steps);

// Adds the noise of noise time `number` (0 ... in a cycle) to the states of one trajectory: element
// (noise time, row, component) of the sequence of this address and purpose.
void add_model_noise(const ModelNoise& noise, Rows states, std::size_t number,
                     const RandomAddress& address, Purpose purpose, Arena& memory);

// Advances states by `steps`, from `done` steps after the observation time, and calls
// add_noise(number) at each noise time. The noise does not depend on how the steps of a cycle are
// divided among calls. Throws ShapeError.
void advance_with_noise(const ForecastModel& model, const ModelNoise& noise, Rows states,
                        std::size_t done, std::size_t steps,
                        const std::function<void(std::size_t number)>& add_noise);
// The same for the states of one trajectory, with add_model_noise().
void advance_with_noise(const ForecastModel& model, const ModelNoise& noise, Rows states,
                        std::size_t done, std::size_t steps, const RandomAddress& address,
                        Purpose purpose, Arena& memory);

}  // namespace papillon::inline assimilation
