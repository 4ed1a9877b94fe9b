#include "papillon/apps/assimilate/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "papillon/apps/assimilate/figures.hpp"
#include "papillon/apps/assimilate/recorder.hpp"
#include "papillon/apps/assimilate/results.hpp"
#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/build_info.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

// The tables that a table with lists stands for.
std::vector<Settings> expand(const Settings& table) {
  AssimilateOptions options;
  CLI::App app;
  options.add_to(app);
  std::size_t count = 1;
  std::vector<std::string> lists;
  for (const auto& [key, setting] : table) {
    const CLI::Option* option = app.get_option_no_throw("--" + key);
    if (setting.values.size() < 2 || option == nullptr || option->get_items_expected_max() > 1)
      continue;
    if (!lists.empty() && setting.values.size() != count)
      throw InputError(fmt::format("{}: {} values, and '{}' has {}: lists of one run go together",
                                   setting.origin, setting.values.size(), lists.front(), count));
    count = setting.values.size();
    lists.push_back(key);
  }
  std::vector<Settings> tables(count, table);
  for (std::size_t i = 0; i < count; ++i)
    for (const std::string& key : lists) tables[i][key].values = {table.at(key).values[i]};
  return tables;
}

void check_name(const std::string& name, const std::set<std::string>& taken) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name[0] == '.' || !std::all_of(name.begin(), name.end(), fits))
    throw InputError(fmt::format(
        "[[assimilate.run]]: its name '{}' should be made of letters, digits, '-', '_' and '.'",
        name));
  if (taken.count(name))
    throw InputError(fmt::format(
        "[[assimilate.run]]: two runs are named '{}' (where lists make several, put {{option}} "
        "into the name)",
        name));
}

bool selected(const std::string& name, const std::vector<std::string>& wanted) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
           return !w.empty() && w.back() == '*' ? name.rfind(w.substr(0, w.size() - 1), 0) == 0
                                                : name == w;
         });
}

// Differences in pairs make sense where truths, observations and scored cycles are the same.
void check_pair(const ParsedRun& run, const ParsedRun& baseline) {
  for (const char* key : {"seed",
                          "system",
                          "dimension",
                          "forcing",
                          "parameters",
                          "dt",
                          "scheme",
                          "precision",
                          "truth-noise",
                          "truth",
                          "truth-every",
                          "first-time",
                          "first-trajectory",
                          "trajectories",
                          "spin-up",
                          "scale",
                          "observe",
                          "operator",
                          "pointwise",
                          "observation-covariance",
                          "observations",
                          "observation-deviation",
                          "interval",
                          "cycles",
                          "burn-in",
                          "batches"})
    if (run.context.settings[key] != baseline.context.settings[key])
      throw UsageError(fmt::format("run '{}' cannot be compared with '{}' in pairs: --{} differs",
                                   run.options.name, baseline.options.name, key));
}

const ParsedRun* find_run(const std::vector<ParsedRun>& runs, const std::string& name) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const ParsedRun& r) { return r.options.name == name; });
  return found == runs.end() ? nullptr : &*found;
}

// What the directory holds of exactly this run, or null.
Json stored_results(const ParsedRun& run, Inputs& inputs) {
  if (run.options.out.empty()) return {};
  std::ifstream file(fs::path(run.options.out) / "results.json");
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("config") || !json.contains("results") ||
      !json["config"].is_object() || !json["results"].is_object())
    return {};
  const Json same = {{"settings", essential_settings(json["config"])},
                     {"inputs", json["results"].value("inputs", Json())}};
  return same.dump() == identity(run, inputs) ? json["results"] : Json();
}

Json run_or_reuse(ParsedRun& run, Inputs& inputs, const Context& context) {
  Json results = stored_results(run, inputs);
  AssimilateOptions& o = run.options;
  if (!results.is_null()) {
    if (!context.quiet) fmt::print(stderr, "{}: finished before\n", o.name);
    return results;
  }
  if (!o.out.empty()) {
    const fs::path stored = fs::path(o.out) / "stored.safetensors";
    o.resume = fs::exists(stored) && Recorder::belongs(stored, identity(run, inputs));
    run.context.start_directory(o.out);
  }
  if (!o.spread.empty()) return run_spread(run, inputs);
  results = run_twin(run, inputs, "the same command");
  if (results.contains("failed")) {
    if (!context.quiet)
      fmt::print(stderr, "{}: {}\n", o.name, results["failed"].get<std::string>());
    results.erase("failed");
  }
  return results;
}

void add_differences(std::vector<Json>& done, const std::vector<ParsedRun>& runs) {
  for (Json& run : done) {
    run["results"].erase("against_baseline");
    const std::string baseline = run["config"]["baseline"];
    const auto other = std::find_if(done.begin(), done.end(),
                                    [&](const Json& r) { return r["name"] == baseline; });
    if (baseline.empty() || other == done.end() || run["name"] == baseline) continue;
    const Json &mine = run["results"], &theirs = (*other)["results"];
    if (!mine.contains("analysis") || !theirs.contains("analysis")) continue;
    check_pair(*find_run(runs, run["name"]), *find_run(runs, baseline));
    Json against = {{"baseline", baseline}};
    for (const char* state : {"analysis", "background"}) {
      const StateScores a = pairs_of(mine[state], run["name"]),
                        b = pairs_of(theirs[state], baseline);
      const Estimate d = paired_difference(a, b);
      const double se = std::isfinite(d.se_trajectories) ? d.se_trajectories : d.se_batches;
      const double percent = 100 / b.nrmse_pooled.value;
      against[state] = {{"difference", d.value},
                        {"se", se},
                        {"percent", percent * d.value},
                        {"percent_se", percent * se}};
    }
    run["results"]["against_baseline"] = against;
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

std::string machine_description() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "not known";
}

}  // namespace

std::vector<ParsedRun> listed_runs(const Context& context, const AssimilateOptions& common) {
  std::vector<ParsedRun> runs;
  std::set<std::string> names;
  for (const Settings& written : context.runs) {
    for (Settings& table : expand(written)) {
      std::vector<Settings> layers = context.layers;  // command line, environment, file, ...
      layers.insert(layers.begin() + 2, std::move(table));
      ParsedRun run = parse_run(context, layers);
      // A run keeps the name that the file gives it, whatever the command line changes.
      Json naming = parse_run(context, {layers.begin() + 2, layers.end()}).context.settings;
      naming["out"] = common.out;
      fill_placeholders(run, naming);
      check_name(run.options.name, names);
      names.insert(run.options.name);
      if (!common.out.empty()) run.options.out = (fs::path(common.out) / run.options.name).string();
      run.context.settings["out"] = run.options.out;
      run.context.settings["run"] = Json::array();
      runs.push_back(std::move(run));
    }
  }
  for (const ParsedRun& run : runs) {
    const std::string& baseline = run.options.baseline;
    if (baseline.empty()) continue;
    const ParsedRun* other = find_run(runs, baseline);
    if (other == nullptr)
      throw UsageError(fmt::format("run '{}': its baseline '{}' is no run of the file",
                                   run.options.name, baseline));
    check_pair(run, *other);
  }
  std::erase_if(runs, [&](const ParsedRun& r) { return !selected(r.options.name, common.run); });
  if (runs.empty())
    throw UsageError(
        fmt::format("--run: the file has none of these runs; it has {}", fmt::join(names, ", ")));
  return runs;
}

Json compare(const Context& context, std::vector<ParsedRun> runs, Inputs& inputs) {
  std::vector<Json> done;
  for (ParsedRun& run : runs) {
    Json results = run_or_reuse(run, inputs, context);
    done.push_back({{"name", run.options.name},
                    {"config", run.context.settings},
                    {"results", std::move(results)}});
  }
  add_differences(done, runs);
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
                        {"configuration", context.config},  {"runs", compact(done)}};
    write_file_atomically(fs::path(out) / "table.json", table.dump(2) + "\n");
  }
  if (!runs.front().options.figure.empty())
    draw_comparison(runs.front().options.figure, done, runs, inputs);
  Json results = {{"runs", std::move(done)}};
  return results;
}

}  // namespace papillon::apps
