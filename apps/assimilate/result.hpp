// What comes of a run: values, for tables, figures and comparisons; JSON is made from them, and
// read back where a run was finished before, in result.cpp alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "papillon/apps/assimilate/run.hpp"
#include "papillon/apps/experiment/table.hpp"
#include "papillon/lorenz/assimilation/ensemble_statistics.hpp"
#include "papillon/lorenz/assimilation/scores.hpp"
#include "papillon/lorenz/assimilation/tuning.hpp"

namespace papillon::apps {

// An analysis that is worse than the climate's mean over a batch of cycles, the first of which is
// this.
struct LostTrajectory {
  std::size_t trajectory;
  std::uint64_t cycle;
};

struct TuningResult {
  std::string option;
  TuningCurve curve;
};

struct SpreadResult {
  SpreadCurve curve;
  std::size_t states;  // around which ensembles were generated
};

// The run's score minus that of another run that met the same truths and observations.
struct PairedResult {
  std::string other;
  Measured analysis, background;                  // of nrmse_pooled
  Measured analysis_percent, background_percent;  // the same, in per cent of the other's score
};

struct RunResult {
  std::optional<TwinScores> scores{};  // none where all trajectories failed before the first score
  std::optional<SpreadResult> spread{};  // of --spread, in place of scores
  std::string method{};
  std::vector<LostTrajectory> lost{};
  std::vector<std::string> failures{};
  std::string failure{};  // that ended the run; empty: none
  std::optional<TuningResult> tuning{};
  std::optional<PairedResult> baseline{}, control{};
  double seconds = 0;
  Json inputs{};  // digests of the files that were read

  // A trajectory that failed was scored in other cycles than those of the run beside it.
  bool complete() const { return failures.empty(); }
};

// A run and what came of it: a row of tables.
struct FinishedRun {
  AssimilationRun run;
  RunResult result;
};

// Between trajectories; where there is one only, between batches; NaN where there is one of those,
// too.
double standard_error(const Estimate& e);
inline Measured measured(const Estimate& e) {
  return {e.value, standard_error(e)};
}

// A standard error `..._se` is that between trajectories, or between batches where there is one
// trajectory only; `..._se_batches` is always the latter. Numbers that are not finite are null.
// compact: without what fills pages.
Json to_json(const RunResult& result, bool compact = false);
// Throws InputError that names the file.
RunResult result_of(const Json& json, const std::string& file);

// {"name", "config", "results"}: what results.json and lists of runs hold.
Json to_json(const FinishedRun& finished, bool compact = false);

}  // namespace papillon::apps
