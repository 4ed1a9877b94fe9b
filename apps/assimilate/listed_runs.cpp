// The runs that a file of experiments lists.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "papillon/apps/assimilate/comparison.hpp"
#include "papillon/apps/assimilate/uses.hpp"
#include "papillon/tensor/errors.hpp"

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

void require_same_option(const ParsedRun& run, const ParsedRun& baseline, const char* key) {
  if (run.context.settings[key] != baseline.context.settings[key])
    throw UsageError(fmt::format("run '{}' cannot be compared with '{}' in pairs: --{} differs",
                                 run.options.name, baseline.options.name, key));
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
                          "truth-noise-covariance",
                          "noise-every",
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
    require_same_option(run, baseline, key);
  // What these are left to.
  if (run.options.scale.empty()) require_same_option(run, baseline, "climate");
}

const ParsedRun* find_run(const std::vector<ParsedRun>& runs, const std::string& name) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const ParsedRun& r) { return r.options.name == name; });
  return found == runs.end() ? nullptr : &*found;
}

}  // namespace

std::vector<ParsedRun> listed_runs(const Context& context, const AssimilateOptions& common) {
  std::vector<ParsedRun> runs;
  std::set<std::string> names;
  for (const Settings& written : context.runs) {
    for (Settings& table : expand(written)) {
      const Settings own = table;
      std::vector<Settings> layers = context.layers;  // command line, environment, file, ...
      layers.insert(layers.begin() + 2, std::move(table));
      ParsedRun run = parse_run(context, layers);
      check_used(run.options, own);
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
    for (const auto& [kind, name] :
         {std::pair("baseline", run.options.baseline), std::pair("control", run.options.control)}) {
      if (name.empty()) continue;
      const ParsedRun* other = find_run(runs, name);
      if (other == nullptr)
        throw UsageError(fmt::format("run '{}': its {} '{}' is no run of the file",
                                     run.options.name, kind, name));
      check_pair(run, *other);
    }
  }
  for (ParsedRun& run : runs) run.selected = selected(run.options.name, common.run);
  if (std::none_of(runs.begin(), runs.end(), [](const ParsedRun& r) { return r.selected; }))
    throw UsageError(
        fmt::format("--run: the file has none of these runs; it has {}", fmt::join(names, ", ")));
  return runs;
}

}  // namespace papillon::apps
