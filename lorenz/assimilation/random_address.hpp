// Where the random numbers of an assimilation come from: one sequence for each purpose, trajectory
// and cycle, whatever the order or the number of threads in which they are drawn.
#pragma once

#include <cstdint>
#include <span>

#include "papillon/tensor/random.hpp"

namespace papillon {

enum class Draws : std::uint64_t {
  observation_error = 1,
  initial_state = 2,
  truth_noise = 3,
  forecast_noise = 4,
  observation_perturbation = 5,  // of the stochastic EnKF
  rotation = 6,
  static_ensemble = 7,
  diffusion_ensemble = 8,
  posterior_ensemble = 9,
};

struct RandomAddress {
  std::uint64_t seed = 0;
  std::uint64_t trajectory = 0;
  std::uint64_t cycle = 0;

  static constexpr std::uint64_t numbers_a_cycle = std::uint64_t{1} << 28;

  // Elements first, first + 1, ... (below 2^28) of this cycle's sequence of that purpose.
  RandomStream stream(Draws purpose) const {
    return {seed, (static_cast<std::uint64_t>(purpose) << 40) + trajectory};
  }
  std::uint64_t index(std::uint64_t first = 0) const { return cycle * numbers_a_cycle + first; }
  void normal(Draws purpose, std::span<double> out, std::uint64_t first = 0) const {
    fill_normal<double>(stream(purpose), index(first), out);
  }
  void uniform(Draws purpose, std::span<double> out, std::uint64_t first = 0) const {
    fill_uniform<double>(stream(purpose), index(first), out);
  }
};

}  // namespace papillon
