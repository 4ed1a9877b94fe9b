// Scores of forecasts over lead times, against the trajectories of their initial states.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "papillon/lorenz/metrics/hellinger.hpp"
#include "papillon/lorenz/surrogate/rollout.hpp"

namespace papillon::inline surrogate {

struct ScoreOptions {
  std::size_t lead = 10;       // steps of the trajectories in one step of the surrogate
  std::size_t leads = 100;     // steps of the surrogate
  std::size_t windows = 4096;  // forecasts, evenly spaced over all that fit the trajectories
  double threshold = 0.4;      // of the normalised error: where a forecast stops being valid
  double lyapunov_exponent =
      0.906;                     // of the system, per unit of time: turns times into Lyapunov times
  HistogramOptions histogram{};  // of the Hellinger distance
};

struct SurrogateScores {
  // One for each lead, over all windows; diverged forecasts count, held at the edge (rollout.hpp).
  std::vector<std::size_t> lead;  // 1, 2, ...: steps of the surrogate
  std::vector<double> mse, mae;   // means over windows and components, physical units
  std::vector<double> nrmse;      // sqrt(mean over components of MSE / scale^2)
  std::vector<double> diverged;   // share of the windows
  // Mean time to the first lead whose normalised error (root mean square over the components)
  // exceeds the threshold, in Lyapunov times; the whole roll-out for those that never exceed it.
  double valid_time = 0;
  double always_valid = 0;  // share of these
  // Of the forecasts over the later half of the leads, against all states of the trajectories; and
  // of as many true states from independent trajectories.
  double hellinger = 0, hellinger_floor = 0;
  std::size_t windows = 0;
};

// The windows of a set of trajectories, prepared once for any number of surrogates.
class SurrogateTest {
 public:
  // test: [members, times, D], which must outlive this, as must independent, [members, times, D]
  // of other trajectories for the floor. All surrogates that are scored have this shift and scale.
  // Throws ArgumentError, and InputError where no roll-out fits.
  SurrogateTest(const Tensor<float>& test, const Tensor<float>& independent,
                std::vector<double> shift, std::vector<double> scale, const ScoreOptions& options);
  SurrogateTest(const Tensor<float>&&, const Tensor<float>&, std::vector<double>,
                std::vector<double>, const ScoreOptions&) = delete;

  // Number of forecasts, and what was asked for.
  std::size_t windows() const { return starts_.size(); }
  const ScoreOptions& options() const { return options_; }
  // The states that the forecasts start from, [W, D].
  Tensor<float> initial_states() const;

  // progress(windows done); may throw to stop.
  SurrogateScores score(const Surrogate& surrogate,
                        const std::function<void(std::size_t)>& progress = {}) const;

 private:
  const Tensor<float>* test_;
  std::vector<double> shift_, scale_;
  ScoreOptions options_;
  std::vector<std::size_t> starts_;  // rows of test
  std::unique_ptr<Histogram> reference_;
  double floor_ = 0;
};

}  // namespace papillon::inline surrogate
