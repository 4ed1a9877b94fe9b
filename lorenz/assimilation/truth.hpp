// The truths of a twin experiment: trajectories from a file, or integrated during the experiment.
#pragma once

#include <memory>
#include <optional>

#include "papillon/lorenz/assimilation/model.hpp"

namespace papillon::inline assimilation {

// [trajectories, time, D]; the experiment begins at first_time, and trajectory k of it is row
// first_trajectory + k.
struct GivenTruth {
  std::shared_ptr<const Tensor<float>> states;
  std::size_t steps_between = 1;  // model steps from one stored time to the next
  std::size_t first_time = 0, first_trajectory = 0;
};

struct IntegratedTruth {
  ModelPointer model;      // may differ from the forecasts': model error
  Tensor<double> initial;  // [trajectories, D]
  ModelNoise noise{};
};

class Truth {
 public:
  // Throws ShapeError, ArgumentError, InputError (a state that is not finite).
  explicit Truth(GivenTruth given);
  explicit Truth(IntegratedTruth integrated);

  std::size_t trajectories() const;
  std::size_t dimension() const;
  // Available model steps; the largest number for integrated truths.
  std::size_t steps() const;
  // Throws ArgumentError if times `every` steps apart are not stored, or model noise does not fit
  // cycles of that many steps.
  void check_interval(std::size_t every, std::size_t steps_per_cycle) const;
  std::string description() const;

  // The next `times` states of every trajectory, `every` model steps apart: out [K, times, D]. The
  // states of different trajectories are computed in parallel. random: whose seed and
  // experiment the model noise has; it restarts with each cycle of steps_per_cycle steps.
  void next(std::size_t times, std::size_t every, std::size_t steps_per_cycle, RandomAddress random,
            Tensor<double>& out);
  std::uint64_t steps_done() const { return steps_done_; }

  // For resuming: the current states [K, D] and the steps done.
  const Tensor<double>& state() const { return state_; }
  void restore(std::uint64_t steps_done, const Tensor<double>& state);

 private:
  std::optional<GivenTruth> given_;
  std::optional<IntegratedTruth> integrated_;
  std::uint64_t steps_done_ = 0;
  Tensor<double> state_;
};

}  // namespace papillon::inline assimilation
