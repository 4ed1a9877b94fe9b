#include "papillon/apps/assimilate/twin_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "papillon/apps/assimilate/recorder.hpp"
#include "papillon/apps/assimilate/tables.hpp"
#include "papillon/apps/assimilate/tune.hpp"
#include "papillon/apps/autosave.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/resuming.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

void note_lost(const std::vector<LostTrajectory>& lost, const std::string& name, Progress& bar) {
  if (lost.empty()) return;
  std::vector<std::string> where;
  for (const LostTrajectory& l : lost)
    if (where.size() < 4)
      where.push_back(fmt::format("trajectory {} from cycle {}", l.trajectory, l.cycle));
  bar.note(fmt::format(
      "{}: lost the truth (analysis nRMSE above 1 over a batch of cycles): {}{}", name,
      fmt::join(where, ", "),
      lost.size() > where.size() ? fmt::format(" and {} more", lost.size() - where.size()) : ""));
}

// Keeps the states that --store and --store-from ask for, where there is a directory for them.
Recorder build_recorder(const Twin& twin, const AssimilateOptions& o) {
  const std::uint64_t total = twin.experiment.cycles_total(),
                      from = std::min(o.run.store_from.value_or(twin.burn_in), total);
  return {twin.experiment.states().extent(0),
          twin.dynamics.forecast->dimension(),
          twin.observations,
          from,
          o.results.out.empty() ? 0 : std::min(o.run.store, total - from),
          twin.time_between};
}

// A run's checkpoint in its directory.
class Checkpoint {
 public:
  Checkpoint(const AssimilationRun& run, RunSettings identity)
      : states_(run.file("stored.safetensors")),
        experiment_(run.file("checkpoint.safetensors")),
        identity_(std::move(identity)),
        exists_(!run.options.results.out.empty()) {}

  bool is_kept() const { return exists_; }
  void save(const TwinExperiment& experiment, const Recorder& recorder) const {
    if (!exists_) return;
    recorder.save(states_, identity_);
    experiment.save(experiment_);
  }
  void load_if_there(TwinExperiment& experiment, Recorder& recorder) const {
    if (!exists_ || !fs::exists(experiment_)) return;
    try {
      recorder.load(states_, identity_);
      experiment.load(experiment_);
    } catch (const SettingsMismatch& mismatch) {
      refuse_resume(mismatch, Json::object());
    }
  }
  void remove() const {
    std::error_code ignored;
    fs::remove(states_, ignored);
    fs::remove(experiment_, ignored);
  }

 private:
  fs::path states_, experiment_;
  RunSettings identity_;
  bool exists_;
};

// All cycles that are left, with progress and checkpoints. Throws Interrupted after saving.
RunResult run_cycles(Twin& twin, Recorder& recorder, const Checkpoint& checkpoint,
                     const AssimilationRun& run, const std::string& how_to_resume) {
  TwinExperiment& experiment = twin.experiment;
  const std::uint64_t total = experiment.cycles_total(), scored = total - twin.burn_in;
  Progress bar(run.label(), total, "cycles", run.context.quiet, experiment.cycles_done());
  const RunOptions& o = run.options.run;
  if (twin.burn_in != o.burn_in || scored != o.cycles)
    bar.note(fmt::format("whole windows of {} cycles: {} are scored, after {}",
                         twin.method->window(), scored, twin.burn_in));
  Autosave autosave(o.checkpoint_seconds, [&] { checkpoint.save(experiment, recorder); });
  experiment.progress = [&](const TwinProgress& p) {
    bar.update(p.cycles_done);
    if (interrupted()) return false;
    autosave.step();
    return true;
  };
  if (recorder.is_active())
    experiment.record = [&](const TwinRecord& record) { recorder.add(record); };
  const Patience patience;
  const std::optional<RunResult> result = score_twin(twin);
  if (!result) {
    autosave.save();
    throw Interrupted(fmt::format("interrupted after {} of {} cycles; {}", experiment.cycles_done(),
                                  total,
                                  checkpoint.is_kept() ? "saved; continue with " + how_to_resume
                                                       : "nothing is saved without --out DIR"));
  }
  if (result->failure.empty()) bar.finish();
  note_lost(result->lost, run.label(), bar);
  return *result;
}

void write(const FinishedRun& finished, Recorder& recorder, const RunSettings& identity) {
  const AssimilationRun& run = finished.run;
  write_file_atomically(run.file("scores.csv"), csv<FinishedRun>(score_columns(), {&finished, 1}));
  if (recorder.is_active())
    recorder.write(run.file("states.nc"), {{"title", "twin experiment: " + finished.result.method},
                                           {"configuration", run.context.settings.dump()}});
  // Last: a run is finished when it is there.
  write_stored(run.file("results.json"), identity, to_json(finished));
}

}  // namespace

void check_twin(const AssimilationRun& run, InputFiles& files) {
  if (!run.options.tuning.option.empty()) return check_tuning(run, files);
  const Twin twin = build_twin(run.options, files, {run.context.seed});
  build_recorder(twin, run.options);
}

RunResult run_twin(const AssimilationRun& run, InputFiles& files,
                   const std::string& how_to_resume) {
  const auto start = Clock::now();
  const RunSettings identity = run.identity(files.digests);
  std::optional<TuningResult> tuning;
  if (!run.options.tuning.option.empty()) tuning = tune(run, files);
  const AssimilationRun tuned = tuning ? with_parameter(run, tuning->curve.best) : run;
  Twin twin = build_twin(tuned.options, files, {run.context.seed});
  Recorder recorder = build_recorder(twin, tuned.options);
  const Checkpoint checkpoint(run, identity);
  if (run.options.results.resume) checkpoint.load_if_there(twin.experiment, recorder);
  FinishedRun finished{run, run_cycles(twin, recorder, checkpoint, tuned, how_to_resume)};
  const SaveInProgress saving;
  RunResult& result = finished.result;
  result.tuning = std::move(tuning);
  result.seconds = seconds_since(start);
  result.inputs = run.digests(files.digests);
  if (checkpoint.is_kept()) {
    write(finished, recorder, identity);
    checkpoint.remove();
  }
  return result;
}

}  // namespace papillon::apps
