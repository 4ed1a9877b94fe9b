// Long trajectories from a few initial states: the training, validation and test sets.
#pragma once

#include <cstdint>
#include <functional>

#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::inline dynamics {

// The paper's training set by default.
struct TrajectorySetOptions {
  std::size_t members = 16;
  std::size_t burn_in = 100000;  // steps before the first stored state
  std::size_t steps = 1000000;   // steps after that
  std::size_t store_every = 1;   // the set has steps / store_every times
  double dt = 0.01;
  double initial_std = 0.001;  // initial states are normal with this standard deviation
  std::uint64_t seed = 0;
  // Sets of one seed that differ in purpose or number are independent.
  Purpose set = Purpose::training_trajectories;
  std::uint64_t number = 0;
  Scheme scheme = Scheme::rk4;
  Precision precision = Precision::float64;  // of the integration; what is stored is float
};

// Takes times first_time ... first_time + n - 1 of all members: [members, n, dimension].
using TrajectorySink = std::function<void(const Tensor<float>& states, std::size_t first_time)>;

// Streams the set through sink, in order of time and in chunks of at most chunk_times times (0:
// about 16 MB). Sets with another seed, purpose or number have other initial states; member m's
// trajectory depends neither on how many members there are nor on the chunks or threads. Throws
// ArgumentError, and NumericalError naming the member and step if a state is not finite.
void stream_trajectories(const AnySystem& system, const TrajectorySetOptions& options,
                         const TrajectorySink& sink, std::size_t chunk_times = 0);

// The set in memory, [members, time, dimension].
Tensor<float> trajectories(const AnySystem& system, const TrajectorySetOptions& options);

}  // namespace papillon::inline dynamics
