// Twin experiments: a truth, noisy observations of it, and a method that estimates it from them.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/lorenz/assimilation/model.hpp"
#include "papillon/lorenz/assimilation/scores.hpp"
#include "papillon/lorenz/assimilation/truth.hpp"

namespace papillon::inline assimilation {

struct TwinOptions {
  std::size_t trajectories = 0;      // of the truths, the first so many; 0: all
  std::uint64_t burn_in = 5000;      // cycles before those that are scored
  std::uint64_t cycles = 50000;      // that are scored
  std::size_t steps_per_cycle = 10;  // model steps between observations
  std::uint64_t seed = 0;
  Experiment experiment = Experiment::test;  // of that seed
  std::vector<double> scale{};               // [D], of the normalised scores; empty: ones
  // Scores the forecast every so many steps after an analysis, too; 0: not. Divides
  // steps_per_cycle.
  std::size_t along_window_every = 0;
  bool crps = true;          // and rank histograms
  std::size_t batches = 20;  // per trajectory, for the standard errors
  // An error with root mean square over the components of (x - x_t) / scale beyond this is a
  // divergence. 0: ten where there is a scale, out of reach for a state on the attractor, and
  // otherwise only a state that is not finite.
  double divergence_limit = 0;
  // A trajectory that fails ends there, and the others go on; otherwise all end with the block
  // of cycles that is under way (cycles_at_once, or of a size that depends on shapes alone). Either
  // way it is among the failures.
  bool go_on_without_failed = false;
  std::uint64_t cycles_at_once = 0;  // between calls of progress; 0: as many as take 0.2 s
};

// The setup that all methods of a comparison share.
struct TwinSetup {
  ModelPointer model;  // of the forecasts
  ModelNoise forecast_noise{};
  Truth truth;
  ObservationSource observations;
  // States [n, D] of which each member of each trajectory's first ensemble is a random one; or the
  // ensembles themselves, [K, M, D].
  std::shared_ptr<const Tensor<double>> initial;
};

// The numbers of some cycles, for files and figures. The background and analysis are those of the
// mean of the ensemble; NaN after a failure.
struct TwinRecord {
  std::uint64_t first_cycle;
  Tensor<double> truth, background, analysis;  // [K, cycles, D], at observation times
  Tensor<double> observations;                 // [K, cycles, P]
};

struct TwinProgress {
  std::uint64_t cycles_done, cycles_total;  // burn-in included
  double seconds;                           // since run() began
};

// A cycle is: forecast over steps_per_cycle; score the background; analyse; score the analysis.
// Trajectories are independent, and every number depends on (seed, trajectory, cycle) alone: the
// results are the same for any number of threads, and whether interrupted or not.
class TwinExperiment {
 public:
  // Throws ShapeError or ArgumentError if dimensions, intervals or lengths do not fit together, or
  // the method cannot use these observations.
  TwinExperiment(TwinSetup setup, MethodPointer method, TwinOptions options);
  ~TwinExperiment();
  TwinExperiment(TwinExperiment&&) noexcept;
  TwinExperiment& operator=(TwinExperiment&&) noexcept;

  // Called between groups of cycles; run() ends early if it returns false.
  std::function<bool(const TwinProgress&)> progress;
  // Called with every group of cycles, burn-in included, in order.
  std::function<void(const TwinRecord&)> record;

  // Runs the remaining cycles. True when all are done. Throws AssimilationError when a trajectory
  // fails (the first by cycle, then by trajectory), unless the options say go on; everything up to
  // there stays, and scores() tells.
  bool run();

  std::uint64_t cycles_done() const;
  std::uint64_t cycles_total() const;  // burn-in included; a multiple of the method's window
  const std::vector<AssimilationError>& failures() const;  // by cycle, then by trajectory
  // The analyses after the last cycle, [K, M, D].
  const Tensor<double>& states() const;
  // Of the cycles scored so far. Throws ArgumentError before the first.
  TwinScores scores() const;

  // Between run()s: a checkpoint as a safetensors file, written atomically. Throws OutputError.
  void save(const std::filesystem::path& path) const;
  // Throws InputError for a file that is malformed, or of an experiment with other settings (it
  // says which); nothing is changed then. Settings that are functions (a user's model, operator or
  // method) are told apart by their descriptions alone.
  void load(const std::filesystem::path& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Constructs, runs and scores an experiment.
TwinScores twin_experiment(TwinSetup setup, MethodPointer method, const TwinOptions& options);

}  // namespace papillon::inline assimilation
