// The state of a twin experiment.
#pragma once

#include <optional>

#include "papillon/lorenz/assimilation/internal/score_sums.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "papillon/nn/run_settings.hpp"

namespace papillon::inline assimilation {

struct TwinExperiment::State {
  State(TwinSetup setup, MethodPointer method, TwinOptions options);

  TwinSetup setup;
  MethodPointer method;
  TwinOptions options;
  std::size_t trajectories, members, dimension;
  std::uint64_t burn_in, total, done = 0;  // cycles; multiples of the window
  Tensor<double> states;                   // [K, M, D]
  ScoreSums sums;
  std::vector<std::optional<AssimilationError>> failed;  // [K]
  std::vector<AssimilationError> failures;

  // All trajectories in lock-step, because the method or the model is batched.
  bool lock_step() const { return method->batched() || setup.model->batched(); }
  // Model steps between two times at which the truth is needed.
  std::size_t truth_every() const {
    return options.along_window_every ? options.along_window_every : options.steps_per_cycle;
  }
  RandomAddress address(std::size_t trajectory, std::uint64_t cycle) const {
    return {options.seed, trajectory, cycle, options.experiment};
  }
  // All settings that the results depend on.
  RunSettings settings() const;
  // Runs the next `cycles` (a multiple of the window), and fills the record unless it is null.
  void advance(std::uint64_t cycles, TwinRecord* history);

  struct Chunk;
  class Group;
};

}  // namespace papillon::inline assimilation
