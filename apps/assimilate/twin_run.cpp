#include "papillon/apps/assimilate/twin_run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "papillon/apps/assimilate/recorder.hpp"
#include "papillon/apps/assimilate/results.hpp"
#include "papillon/apps/assimilate/world.hpp"
#include "papillon/apps/autosave.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/resuming.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

// The files of a run's directory; none without --out.
class Directory {
 public:
  explicit Directory(std::string path) : path_(std::move(path)) {}
  bool exists() const { return !path_.empty(); }
  fs::path file(const char* name) const { return fs::path(path_) / name; }

  void save(const TwinExperiment& experiment, const Recorder& recorder,
            const RunSettings& identity) const {
    recorder.save(file("stored.safetensors"), identity);
    experiment.save(file("checkpoint.safetensors"));
  }
  void load(TwinExperiment& experiment, Recorder& recorder, const RunSettings& identity) const {
    try {
      recorder.load(file("stored.safetensors"), identity);
      experiment.load(file("checkpoint.safetensors"));
    } catch (const SettingsMismatch& mismatch) {
      refuse_resume(mismatch, Json::object());
    }
  }
  void forget_checkpoint() const {
    std::error_code ignored;
    for (const char* name : {"stored.safetensors", "checkpoint.safetensors"})
      fs::remove(file(name), ignored);
  }

 private:
  std::string path_;
};

Json failures_json(const TwinExperiment& experiment) {
  Json list = Json::array();
  for (const AssimilationError& e : experiment.failures()) list.push_back(e.what());
  return list;
}

// 2 and 2.0 are the same setting; whole numbers that a double cannot tell apart stay what they are.
void make_numbers_alike(Json& json) {
  constexpr double exact = 9007199254740992;  // 2^53
  if (json.is_structured())
    for (Json& inner : json) make_numbers_alike(inner);
  else if (json.is_number() && std::abs(json.get<double>()) < exact)
    json = json.get<double>();
}

// Where a batch of cycles has an analysis that is worse than the climate's mean: [{trajectory,
// cycle at which the first such batch begins}].
Json lost_trajectories(const TwinScores& scores, const AssimilateOptions& o, std::uint64_t burn_in,
                       std::uint64_t cycles) {
  Json lost = Json::array();
  const Tensor<double>& n = scores.analysis.nrmse_batches;
  for (std::size_t k = 0; k < n.extent(0); ++k)
    for (std::size_t b = 0; b < n.extent(1); ++b)
      if (n(k, b) > 1) {
        const std::uint64_t first = (b * cycles + n.extent(1) - 1) / n.extent(1);
        lost.push_back({{"trajectory", k}, {"cycle", burn_in + first}});
        break;
      }
  return o.method == "climatology" ? Json::array() : lost;
}

void note_lost(const Json& lost, const std::string& name, Progress& bar) {
  if (lost.empty()) return;
  std::vector<std::string> where;
  for (const Json& one : lost)
    if (where.size() < 4)
      where.push_back(fmt::format("trajectory {} from cycle {}", one["trajectory"].dump(),
                                  one["cycle"].dump()));
  bar.note(fmt::format(
      "{}: lost the truth (analysis nRMSE above 1 over a batch of cycles): {}{}", name,
      fmt::join(where, ", "),
      lost.size() > where.size() ? fmt::format(" and {} more", lost.size() - where.size()) : ""));
}

// Keeps the states that --store and --store-from ask for, where there is a directory for them.
Recorder make_recorder(const Twin& twin, const AssimilateOptions& o, std::uint64_t burn_in) {
  const std::uint64_t total = twin.experiment.cycles_total();
  const std::uint64_t from =
      o.store_from < 0 ? std::min(burn_in, total)
                       : std::min<std::uint64_t>(static_cast<std::uint64_t>(o.store_from), total);
  return {twin.experiment.states().extent(0),
          twin.world.model->dimension(),
          observation_model(o).observations(),
          from,
          o.out.empty() ? 0 : std::min(o.store, total - from),
          o.time_step() * static_cast<double>(o.interval)};
}

// Whole windows.
std::uint64_t burn_in_cycles(const AssimilateOptions& o, std::uint64_t window) {
  return (o.burn_in + window - 1) / window * window;
}

}  // namespace

Json essential_settings(const Json& settings) {
  Json essential = settings;
  make_numbers_alike(essential);
  for (const char* key : {"out", "threads", "checkpoint-every", "name", "series", "figure",
                          "baseline", "control", "run", "expected"})
    essential.erase(key);
  return essential;
}

Json input_digests(const AssimilateOptions& o, Inputs& inputs) {
  Json digests = {{"random_streams", random_streams_version}};
  std::vector<std::string> files = {o.truth,
                                    o.climate,
                                    o.tune_truth,
                                    o.observations,
                                    o.matrix,
                                    o.observation_covariance,
                                    o.forecast_noise_covariance,
                                    o.truth_noise_covariance,
                                    o.surrogate};
  if (o.method == "enoi" || o.method == "hybrid" || !o.spread.empty()) {
    if (o.ensemble == "diffusion" || o.ensemble == "posterior") files.push_back(o.model);
    if (o.ensemble == "posterior") files.push_back(o.library);
  }
  if (o.covariance.size() == 1 && o.covariance[0] != "climatology")
    files.push_back(o.covariance[0]);
  for (const std::string& file : files)
    if (!file.empty()) digests[file] = inputs.digest(file);
  return digests;
}

RunSettings identity(const Json& settings, const Json& digests) {
  RunSettings all = run_settings(essential_settings(settings));
  for (auto& [name, value] : all) name = fmt::format("--{}", name);
  for (auto& [file, digest] : run_settings(digests)) all.emplace_back("file " + file, digest);
  return all;
}

RunSettings identity(const ParsedRun& run, Inputs& inputs) {
  return identity(run.context.settings, input_digests(run.options, inputs));
}

void check_twin(const ParsedRun& run, Inputs& inputs) {
  if (!run.options.tune.empty()) return check_tuning(run, inputs);
  const Twin twin = make_twin(run.options, inputs, {run.context.seed});
  make_recorder(twin, run.options, burn_in_cycles(run.options, twin.method->window()));
}

Json run_twin(const ParsedRun& given, Inputs& inputs, const std::string& how_to_resume) {
  const auto start = Clock::now();
  const Directory directory(given.options.out);
  const RunSettings known_as = identity(given, inputs);
  Json tuning;
  ParsedRun run = given;
  if (!given.options.tune.empty()) {
    const TuningCurve curve = tune(given, inputs);
    tuning = curve_json(curve);
    tuning["option"] = given.options.tune;
    run = with_tuned_value(given, curve.best);
  }
  const AssimilateOptions& o = run.options;
  Twin twin = make_twin(o, inputs, {run.context.seed});
  TwinExperiment& experiment = twin.experiment;
  const MethodPointer& method = twin.method;
  const std::uint64_t total = experiment.cycles_total(), window = method->window();
  const std::uint64_t burn_in = burn_in_cycles(o, window);
  Recorder recorder = make_recorder(twin, o, burn_in);
  if (o.resume && fs::exists(directory.file("checkpoint.safetensors")))
    directory.load(experiment, recorder, known_as);

  Progress bar(o.name.empty() ? o.method : o.name, total, "cycles", run.context.quiet,
               experiment.cycles_done());
  if (burn_in != o.burn_in || total - burn_in != o.cycles)
    bar.note(fmt::format("whole windows of {} cycles: {} are scored, after {}", window,
                         total - burn_in, burn_in));
  Autosave checkpoint(o.checkpoint_seconds, [&] {
    if (directory.exists()) directory.save(experiment, recorder, known_as);
  });
  experiment.progress = [&](const TwinProgress& p) {
    bar.update(p.cycles_done);
    if (interrupted()) return false;
    checkpoint.step();
    return true;
  };
  if (recorder.wants_any())
    experiment.record = [&](const TwinRecord& record) { recorder.take(record); };
  std::string failure;
  const Patience patience;
  try {
    if (!experiment.run()) {
      checkpoint.save();
      throw Interrupted(fmt::format("interrupted after {} of {} cycles; {}",
                                    experiment.cycles_done(), total,
                                    directory.exists() ? "saved; continue with " + how_to_resume
                                                       : "nothing is saved without --out DIR"));
    }
    bar.finish();
  } catch (const AssimilationError& error) {
    failure = error.what();
  }
  const SaveInProgress saving;

  Json results = Json::object();
  try {
    results = scores_json(experiment.scores(), *method);
    results["lost"] = lost_trajectories(experiment.scores(), o, burn_in, total - burn_in);
    note_lost(results["lost"], o.name.empty() ? o.method : o.name, bar);
  } catch (const ArgumentError&) {  // all failed before the first cycle that counts
    if (failure.empty() && experiment.failures().empty()) throw;
    if (failure.empty()) failure = experiment.failures().front().what();
  }
  results["method"] = method->description();
  results["failures"] = failures_json(experiment);
  if (!tuning.is_null()) results["tuning"] = tuning;
  results["seconds"] = seconds_since(start);
  results["inputs"] = input_digests(given.options, inputs);
  if (directory.exists()) {
    const Json stored = {
        {"name", o.name}, {"config", given.context.settings}, {"results", results}};
    write_file_atomically(directory.file("scores.csv"), csv_of({stored}));
    if (recorder.wants_any())
      recorder.write(directory.file("states.nc"),
                     {{"title", "twin experiment: " + method->description()},
                      {"configuration", essential_settings(given.context.settings).dump()}});
    // Last: a run is finished when it is there.
    write_file_atomically(directory.file("results.json"), stored.dump(2) + "\n");
    directory.forget_checkpoint();
  }
  if (!failure.empty()) results["failed"] = failure;
  return results;
}

}  // namespace papillon::apps
