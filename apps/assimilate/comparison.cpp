#include "papillon/apps/assimilate/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "papillon/apps/assimilate/figures.hpp"
#include "papillon/apps/assimilate/recorder.hpp"
#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/assimilate/tables.hpp"
#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/build_info.hpp"
#include "papillon/apps/experiment/run_list.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

std::optional<RunResult> finished_before(const AssimilationRun& run, InputFiles& files) {
  if (run.options.results.out.empty()) return std::nullopt;
  const std::string file = run.file("results.json").string();
  const std::optional<Stored> stored = read_stored(file, "results");
  if (!stored || !differences(stored->identity, run.identity(files.digests)).empty())
    return std::nullopt;
  return result_of(stored->content["results"], file);
}

bool has_checkpoint_of(const AssimilationRun& run, InputFiles& files) {
  const fs::path stored = run.file("stored.safetensors");
  try {
    return fs::exists(stored) &&
           differences(Recorder::identity_of(stored), run.identity(files.digests)).empty();
  } catch (const InputError& error) {
    if (!run.context.quiet)
      print_message("{}: begun anew, as its checkpoint cannot be read: {}\n", run.name(),
                    error.what());
    return false;
  }
}

// Results of other settings are kept, once, in a directory beside the run's.
void keep_earlier_results(const AssimilationRun& run) {
  if (!fs::exists(run.file("results.json")) && !fs::exists(run.file("checkpoint.safetensors")))
    return;
  const fs::path out = run.options.results.out, earlier = out.string() + ".earlier";
  keep_earlier(out);
  // A search may still be right.
  std::error_code ignored;
  fs::create_directories(out, ignored);
  if (fs::exists(earlier / "tuning.json"))
    fs::copy_file(earlier / "tuning.json", out / "tuning.json", ignored);
  if (!run.context.quiet)
    print_message("{}: other settings or files than before; the earlier results are in {}\n",
                  run.name(), earlier.string());
}

RunResult run_in_directory(AssimilationRun& run, InputFiles& files) {
  std::optional<OutputDirectory> directory;
  ResultOptions& o = run.options.results;
  if (!o.out.empty()) {
    o.resume = has_checkpoint_of(run, files);
    if (!o.resume) keep_earlier_results(run);
    directory.emplace(run.context, o.out);
  }
  RunResult result = run_once(run, files, "the same command");
  if (!result.failure.empty() && !run.context.quiet)
    print_message("{}: {}\n", run.name(), result.failure);
  return result;
}

// Whether its covariance is what a run before it in the list is to find.
bool reads_earlier_results(const AssimilationRun& run, std::span<const AssimilationRun> runs) {
  const std::string covariance = run.text("covariance");
  for (const AssimilationRun& earlier : runs) {
    if (&earlier == &run) break;
    if (earlier.selected && !earlier.options.results.out.empty() &&
        earlier.file("results.json").lexically_normal() == fs::path(covariance).lexically_normal())
      return true;
  }
  return false;
}

// mine - theirs, in pairs; none where that makes no sense.
std::optional<PairedResult> paired(const FinishedRun& mine, const FinishedRun& theirs) {
  if (!mine.result.scores || !theirs.result.scores || !mine.result.complete() ||
      !theirs.result.complete())
    return std::nullopt;
  PairedResult result;
  result.other = theirs.run.name();
  const auto compare = [&](StateScores TwinScores::*state, Measured& difference,
                           Measured& percent) {
    const StateScores &a = (*mine.result.scores).*state, &b = (*theirs.result.scores).*state;
    difference = measured(paired_difference(a, b));
    const double factor = 100 / b.nrmse_pooled.value;
    percent = {factor * difference.value, factor * difference.error};
  };
  compare(&TwinScores::analysis, result.analysis, result.analysis_percent);
  compare(&TwinScores::background, result.background, result.background_percent);
  return result;
}

// Against the baselines and controls among them; require_pair() has seen to it that pairs make
// sense.
void add_differences(std::vector<FinishedRun>& runs) {
  const auto against = [&](const FinishedRun& run,
                           const std::string& other) -> std::optional<PairedResult> {
    if (other.empty() || other == run.run.name()) return std::nullopt;
    const auto found = std::find_if(runs.begin(), runs.end(),
                                    [&](const FinishedRun& r) { return r.run.name() == other; });
    return found == runs.end() ? std::nullopt : paired(run, *found);
  };
  for (FinishedRun& run : runs) {
    run.result.baseline = against(run, run.run.options.results.baseline);
    run.result.control = against(run, run.run.options.results.control);
  }
}

Json list_json(std::span<const FinishedRun> runs, bool compact) {
  Json list = Json::array();
  for (const FinishedRun& run : runs) list.push_back(to_json(run, compact));
  return list;
}

void write_tables(const Context& context, const fs::path& out, std::span<const FinishedRun> runs) {
  std::vector<FinishedRun> scores, spreads;
  for (const FinishedRun& run : runs) (run.result.spread ? spreads : scores).push_back(run);
  if (!scores.empty())
    write_file_atomically(out / "table.csv", csv<FinishedRun>(score_columns(), scores));
  if (!spreads.empty()) write_file_atomically(out / "spread.csv", spread_csv(spreads));
  const Json table = {{"version", program_version},       {"commit", program_commit},
                      {"machine", machine_description()}, {"threads", thread_count()},
                      {"configuration", context.config},  {"seed", context.seed},
                      {"command", context.command_line},  {"runs", list_json(runs, true)}};
  write_file_atomically(out / "table.json", table.dump(2) + "\n");
}

}  // namespace

void check_run(const AssimilationRun& run, InputFiles& files) {
  run.options.spread.is_asked_for() ? check_spread(run, files) : check_twin(run, files);
}

RunResult run_once(const AssimilationRun& run, InputFiles& files,
                   const std::string& how_to_resume) {
  return run.options.spread.is_asked_for() ? run_spread(run, files)
                                           : run_twin(run, files, how_to_resume);
}

void refuse_other_run(const AssimilationRun& run, InputFiles& files) {
  RunSettings there;
  const fs::path results = run.file("results.json"), stored = run.file("stored.safetensors");
  if (const auto finished = read_stored(results, "results"))
    there = finished->identity;
  else if (!fs::exists(results) && fs::exists(stored))
    there = Recorder::identity_of(stored);
  else
    return;
  // A search may go on with more points: those that it has are in tuning.json.
  SearchOptions search = run.options.tuning.search;
  std::vector<Option> ignored;
  if (!run.options.tuning.option.empty()) append_options(ignored, search);
  refuse_other_run(run.options.results.out, std::move(there), run.identity(files.digests), ignored);
}

Json compare(const Context& context, std::vector<AssimilationRun> runs, InputFiles& files) {
  const RunSteps<AssimilationRun, RunResult> steps{
      [&](const AssimilationRun& run) {
        if (reads_earlier_results(run, runs))
          check_run(run.with("covariance", "climatology"), files);
        else if (!finished_before(run, files))
          check_run(run, files);
      },
      [&](const AssimilationRun& run) { return finished_before(run, files); },
      [&](AssimilationRun& run) { return run_in_directory(run, files); }};
  std::vector<FinishedRun> done;
  bool failed = false;
  for (auto& [i, result] : run_each<AssimilationRun, RunResult>(runs, steps, context.quiet)) {
    failed |= runs[i].selected && !runs[i].options.run.go_on && !result.complete();
    done.push_back({runs[i], std::move(result)});
  }
  add_differences(done);
  if (context.tables()) print_tables(done);
  const ResultOptions& first = runs.front().options.results;
  if (!first.out.empty()) write_tables(context, fs::path(first.out).parent_path(), done);
  if (!first.figure.empty()) draw_comparison(first.figure, done, runs, files);
  Json results = {{"runs", list_json(done, false)}};
  if (failed) results["failed"] = true;
  return results;
}

}  // namespace papillon::apps
