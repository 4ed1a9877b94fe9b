#include "papillon/apps/assimilate/score.hpp"

#include <limits>

#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// A method without an ensemble has no spread: not defined, and no zero.
void remove_spread(StateScores& scores) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  scores.spread_pooled = scores.spread_time_mean = {nan, nan, nan};
}

std::vector<LostTrajectory> lost_trajectories(const Tensor<double>& nrmse, std::uint64_t burn_in,
                                              std::uint64_t cycles) {
  std::vector<LostTrajectory> lost;
  for (std::size_t k = 0; k < nrmse.extent(0); ++k)
    for (std::size_t b = 0; b < nrmse.extent(1); ++b)
      if (nrmse(k, b) > 1) {
        lost.push_back({k, burn_in + (b * cycles + nrmse.extent(1) - 1) / nrmse.extent(1)});
        break;
      }
  return lost;
}

}  // namespace

std::optional<RunResult> score_twin(Twin& twin) {
  RunResult result;
  const AssimilationMethod& method = *twin.method;
  result.method = method.description();
  try {
    if (!twin.experiment.run()) return std::nullopt;
  } catch (const AssimilationError& error) {
    result.failure = error.what();
  }
  for (const AssimilationError& error : twin.experiment.failures())
    result.failures.emplace_back(error.what());
  try {
    TwinScores scores = twin.experiment.scores();
    if (method.uncertainty() == Uncertainty::none ||
        (method.uncertainty() == Uncertainty::ensemble && method.members() < 2)) {
      remove_spread(scores.analysis);
      remove_spread(scores.background);
    }
    if (method.name() != "climatology")
      result.lost = lost_trajectories(scores.analysis.nrmse_batches, twin.burn_in,
                                      twin.experiment.cycles_total() - twin.burn_in);
    result.scores = std::move(scores);
  } catch (const ArgumentError&) {  // all failed before the first cycle that counts
    if (result.failure.empty() && result.failures.empty()) throw;
    if (result.failure.empty()) result.failure = result.failures.front();
  }
  return result;
}

}  // namespace papillon::apps
