// Who draws which random numbers: the one list of all purposes, each with streams of its own. Only
// this file makes stream numbers, so no two purposes of one seed ever see the same numbers.
#pragma once

#include <cstdint>

#include "papillon/tensor/random.hpp"

namespace papillon {

// A purpose's place in this list is its number: append, or the bits of all results change (and
// then random_streams_version does). What `index` counts stands in brackets.
enum class Purpose : std::uint16_t {
  none,  // the caller's own small stream numbers

  gradcheck_inputs,          // at which the table of ops is checked [input]
  gradcheck_determinism,     // weights of the outputs in the check that two calls agree
  gradcheck_weights,         // of the outputs, in directional checks [direction]
  gradcheck_directions,      // [direction]
  gradcheck_rows,            // which rows of a large Jacobian are checked
  gradcheck_columns,         // and which columns
  gradcheck_single,          // weights of the outputs, float against double
  gradcheck_second_weights,  // weights of the outputs, second derivatives
  gradcheck_second_direction,

  denoiser_weights,    // initial, of the paper's network
  training_order,      // of the states that a diffusion model is trained on [epoch]
  training_timesteps,  // of each row or stratum
  training_noise,      // that is to be predicted
  validation_order,    // which states are validated on
  validation_noise,    // of the validation loss
  sampling_noise,      // of the program's sampling: where it starts and what it adds

  training_trajectories,     // initial states of the training set
  validation_trajectories,   // of the validation set
  test_trajectories,         // of the test set
  independent_trajectories,  // of the states that scores are measured against for their floor
  lyapunov_states,           // initial states for Lyapunov exponents

  fourier_frequencies,  // of random Fourier features
  pair_order,           // which pairs of states a surrogate is fitted to
  pair_noise,           // corruption of their targets
  surrogate_weights,    // initial, of surrogate networks
  surrogate_order,      // of the pairs in training [epoch]

  // Of assimilation; random_address.hpp makes the index from experiment, trajectory and centre.
  truth_states,               // initial states of integrated truths
  climate_states,             // initial states of the integrated climate
  initial_members,            // which states of the pool are the first members
  initial_perturbations,      // of first members around the truth
  observation_errors,         // of the observations
  truth_noise,                // model noise of the truth
  forecast_noise,             // model noise of the forecasts
  observation_perturbations,  // of the stochastic EnKF
  rotations,                  // of ensembles after the analysis
  static_ensembles,           // members drawn from a covariance
  diffusion_ensembles,  // noise of diffusion ensembles, and of the posterior's same noised states
  posterior_ensembles,  // draws from the posterior

  benchmark,  // what benchmarks compute with [case]

  end  // not a purpose: how many there are
};

// Changed with the numbers of any purpose. Checkpoints and cached results carry it, so that no run
// goes on with other numbers than it began with.
inline constexpr int random_streams_version = 2;

inline constexpr std::uint64_t stream_indices = std::uint64_t{1} << 48;  // of each purpose

// Stream number: the purpose in the top 16 bits, the index below. Throws ArgumentError for
// something that is no purpose, and for an index of 2^48 or more.
RandomStream random_stream(std::uint64_t seed, Purpose purpose, std::uint64_t index = 0);

}  // namespace papillon
