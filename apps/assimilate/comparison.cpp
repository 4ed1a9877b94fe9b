#include "papillon/apps/assimilate/comparison.hpp"
#include "papillon/apps/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>

#include "papillon/apps/assimilate/figures.hpp"
#include "papillon/apps/assimilate/recorder.hpp"
#include "papillon/apps/assimilate/results.hpp"
#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/build_info.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

// What the directory holds of exactly this run, or null.
Json stored_results(const ParsedRun& run, Inputs& inputs) {
  if (run.options.out.empty()) return {};
  std::ifstream file(fs::path(run.options.out) / "results.json");
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("config") || !json.contains("results") ||
      !json["config"].is_object() || !json["results"].is_object())
    return {};
  const RunSettings there = identity(json["config"], json["results"].value("inputs", Json()));
  return differences(there, identity(run, inputs)).empty() ? json["results"] : Json();
}

bool has_checkpoint_of(const ParsedRun& run, Inputs& inputs, const Context& context) {
  const fs::path stored = fs::path(run.options.out) / "stored.safetensors";
  try {
    return fs::exists(stored) &&
           differences(Recorder::identity_of(stored), identity(run, inputs)).empty();
  } catch (const InputError& error) {
    if (!context.quiet)
      print_message("{}: begun anew, as its checkpoint cannot be read: {}\n", run.options.name,
                    error.what());
    return false;
  }
}

// Results of other settings are kept, once, in a directory beside the run's.
void keep_earlier_results(const AssimilateOptions& o, const Context& context) {
  const fs::path out(o.out);
  if (!fs::exists(out / "results.json") && !fs::exists(out / "checkpoint.safetensors")) return;
  const std::string kept = o.out + ".earlier";
  const SaveInProgress moving;
  std::error_code failed;
  fs::remove_all(kept, failed);
  fs::rename(o.out, kept, failed);
  if (failed)
    throw OutputError(fmt::format("{}: cannot be moved to {}: {}", o.out, kept, failed.message()));
  // A search may still be right.
  fs::create_directories(out, failed);
  if (fs::exists(fs::path(kept) / "tuning.json"))
    fs::copy_file(fs::path(kept) / "tuning.json", out / "tuning.json", failed);
  if (!context.quiet)
    print_message("{}: other settings or files than before; the earlier results are in {}\n",
                  o.name, kept);
}

Json run_or_reuse(ParsedRun& run, Inputs& inputs, const Context& context) {
  Json results = stored_results(run, inputs);
  AssimilateOptions& o = run.options;
  if (!results.is_null()) {
    if (!context.quiet) print_message("{}: finished before\n", o.name);
    return results;
  }
  std::optional<OutputDirectory> directory;
  if (!o.out.empty()) {
    o.resume = has_checkpoint_of(run, inputs, context);
    if (!o.resume) keep_earlier_results(o, context);
    directory.emplace(run.context, o.out);
  }
  if (!o.spread.empty()) return run_spread(run, inputs);
  results = run_twin(run, inputs, "the same command");
  if (results.contains("failed")) {
    if (!context.quiet) print_message("{}: {}\n", o.name, results["failed"].get<std::string>());
    results.erase("failed");
  }
  return results;
}

// A trajectory that failed was scored in other cycles than those of the run beside it.
bool incomplete(const Json& results) {
  return !results.value("failures", Json::array()).empty();
}

// mine - theirs, in pairs; null where that makes no sense.
Json difference_in_pairs(const Json& mine, const Json& theirs, const std::string& name,
                         const std::string& other) {
  if (!mine.contains("analysis") || !theirs.contains("analysis") || incomplete(mine) ||
      incomplete(theirs))
    return {};
  Json against = Json::object();
  for (const char* state : {"analysis", "background"}) {
    const StateScores a = pairs_of(mine[state], name), b = pairs_of(theirs[state], other);
    const Estimate d = paired_difference(a, b);
    const double se = standard_error(d);
    const double percent = 100 / b.nrmse_pooled.value;
    against[state] = {{"difference", json_number(d.value)},
                      {"se", json_number(se)},
                      {"percent", json_number(percent * d.value)},
                      {"percent_se", json_number(percent * se)}};
  }
  return against;
}

// Against the baselines and controls among them (listed_runs() has seen to it that pairs make
// sense).
void add_differences(std::vector<Json>& done) {
  for (Json& run : done)
    for (const char* kind : {"baseline", "control"}) {
      const std::string key = std::string("against_") + kind;
      run["results"].erase(key);
      const std::string other = run["config"].value(kind, "");
      const auto found =
          std::find_if(done.begin(), done.end(), [&](const Json& r) { return r["name"] == other; });
      if (other.empty() || found == done.end() || run["name"] == other) continue;
      Json against = difference_in_pairs(run["results"], (*found)["results"], run["name"], other);
      if (against.is_null()) continue;
      against[kind] = other;
      run["results"][key] = std::move(against);
    }
}

// Without what fills pages.
std::vector<Json> compact(std::vector<Json> runs) {
  for (Json& run : runs)
    for (const char* state : {"analysis", "background"})
      if (run["results"].contains(state))
        for (const char* key : {"nrmse_trajectories", "nrmse_batches", "rank_histogram"})
          run["results"][state].erase(key);
  return runs;
}

// Whether its covariance is what a run before it in the list is to find.
bool reads_earlier_results(const ParsedRun& run, const std::vector<ParsedRun>& runs) {
  if (run.options.covariance.size() != 1) return false;
  const fs::path file = fs::path(run.options.covariance[0]).lexically_normal();
  for (const ParsedRun& earlier : runs) {
    if (&earlier == &run) break;
    if (earlier.selected && !earlier.options.out.empty() &&
        (fs::path(earlier.options.out) / "results.json").lexically_normal() == file)
      return true;
  }
  return false;
}

ParsedRun with_any_covariance(ParsedRun run) {
  run.options.covariance = {"climatology"};
  return run;
}

// Errors say which of the runs they are about.
template <class Work>
void in_run(const ParsedRun& run, const Work& work) {
  const auto text = [&](const std::exception& error) {
    return fmt::format("run '{}': {}", run.options.name, error.what());
  };
  try {
    work();
  } catch (const UsageError& error) {
    throw UsageError(text(error));
  } catch (const InputError& error) {
    throw InputError(text(error));
  } catch (const ArgumentError& error) {
    throw ArgumentError(text(error));
  } catch (const NumericalError& error) {
    throw NumericalError(text(error));
  }
}

std::string machine_description() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "not known";
}

}  // namespace

void refuse_other_run(const ParsedRun& run, Inputs& inputs) {
  const fs::path out(run.options.out), stored = out / "stored.safetensors";
  RunSettings there, here = identity(run, inputs);
  if (std::ifstream file(out / "results.json"); file) {
    const Json json = Json::parse(file, nullptr, false);
    if (!json.is_object() || !json.contains("config") || !json["config"].is_object() ||
        !json.contains("results") || !json["results"].is_object())
      return;
    there = identity(json["config"], json["results"].value("inputs", Json()));
    // A search may go on with more points: those that it has are in tuning.json.
    if (!run.options.tune.empty())
      for (RunSettings* settings : {&there, &here})
        std::erase_if(*settings, [](const auto& setting) {
          return setting.first == "--range" || setting.first == "--points" ||
                 setting.first == "--golden";
        });
  } else if (fs::exists(stored)) {
    there = Recorder::identity_of(stored);
  } else {
    return;
  }
  if (const auto differ = differences(there, here); !differ.empty())
    throw InputError(fmt::format("{}: holds another run ({}); choose another --out, or remove it",
                                 out.string(), describe(differ)));
}

void check_run(const ParsedRun& run, Inputs& inputs) {
  run.options.spread.empty() ? check_twin(run, inputs) : check_spread(run, inputs);
}

Json compare(const Context& context, std::vector<ParsedRun> runs, Inputs& inputs) {
  for (const ParsedRun& run : runs)
    if (run.selected)
      in_run(run, [&] {
        if (reads_earlier_results(run, runs))
          check_run(with_any_covariance(run), inputs);
        else if (stored_results(run, inputs).is_null())
          check_run(run, inputs);
      });
  std::vector<Json> done;
  bool failed = false;
  for (ParsedRun& run : runs) {
    Json results;
    in_run(run, [&] {
      results = run.selected ? run_or_reuse(run, inputs, context) : stored_results(run, inputs);
    });
    if (results.is_null()) continue;  // not wanted, and not done before
    failed |= run.selected && !run.options.go_on && incomplete(results);
    done.push_back({{"name", run.options.name},
                    {"config", run.context.settings},
                    {"results", std::move(results)}});
  }
  add_differences(done);
  std::vector<Json> twins, spreads;
  for (const Json& run : done)
    (run["results"].contains("start_steps") ? spreads : twins).push_back(run);
  if (context.tables()) {
    if (!twins.empty()) print_table(twins);
    for (const Json& run : spreads) print_spread(run);
  }
  const std::string out = runs.front().context.settings.value("out", "").empty()
                              ? ""
                              : fs::path(runs.front().options.out).parent_path().string();
  if (!out.empty()) {
    if (!twins.empty()) write_file_atomically(fs::path(out) / "table.csv", csv_of(twins));
    if (!spreads.empty())
      write_file_atomically(fs::path(out) / "spread.csv", csv_of_spread(spreads));
    const Json table = {{"version", program_version},       {"commit", program_commit},
                        {"machine", machine_description()}, {"threads", thread_count()},
                        {"configuration", context.config},  {"seed", context.seed},
                        {"command", context.command_line},  {"runs", compact(done)}};
    write_file_atomically(fs::path(out) / "table.json", table.dump(2) + "\n");
  }
  if (!runs.front().options.figure.empty())
    draw_comparison(runs.front().options.figure, done, runs, inputs);
  Json results = {{"runs", std::move(done)}};
  if (failed) results["failed"] = true;
  return results;
}

}  // namespace papillon::apps
