#include "papillon/apps/assimilate/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "papillon/apps/experiment/run_list.hpp"
#include "papillon/apps/option_list.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// Placeholders such as {interval} in names and in the file of a covariance.
void fill_texts(AssimilationRun& run, std::span<const Option> values) {
  for (Option& option : run.list()) {
    const std::vector<std::string> texts = option.values();
    const bool filled_in = option.is(Role::display) || (option.is(Role::input) && option.list);
    if (option.kind != Option::Kind::text || !filled_in || texts.size() != 1) continue;
    if (const std::string filled = fill_placeholders(texts[0], values); filled != texts[0])
      option.assign({filled});
  }
}

AssimilationRun resolved(const AssimilateOptions& defaults, const Context& context,
                         std::span<const Settings> layers) {
  AssimilationRun run{defaults, context};
  run.options.results.listed = true;
  std::vector<Option> list = run.list();
  assign(list, layers);
  return run;
}

const AssimilationRun* find(const std::vector<AssimilationRun>& runs, const std::string& name) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [&](const AssimilationRun& run) { return run.name() == name; });
  return found == runs.end() ? nullptr : &*found;
}

void check_pairs(const std::vector<AssimilationRun>& runs) {
  for (const AssimilationRun& run : runs) {
    const ResultOptions& c = run.options.results;
    for (const auto& [kind, name] :
         {std::pair("baseline", &c.baseline), std::pair("control", &c.control)}) {
      if (name->empty()) continue;
      const AssimilationRun* other = find(runs, *name);
      if (other == nullptr)
        throw UsageError(
            fmt::format("run '{}': its {} '{}' is no run of the file", run.name(), kind, *name));
      require_pair(run, *other);
    }
  }
}

// A flag has to mean something to one of the runs at least.
void require_flags_used(std::vector<AssimilationRun>& runs, const Settings& flags) {
  std::vector<Option> all;
  for (AssimilationRun& run : runs)
    for (Option& option : run.list()) all.push_back(std::move(option));
  require_used(all, flags);
}

}  // namespace

std::string AssimilationRun::label() const {
  if (!name().empty()) return name();
  return options.spread.is_asked_for() ? "spread" : options.method.name();
}

std::vector<Option> AssimilationRun::list() {
  std::vector<Option> all = options.list();
  append_options(all, context, "Common options");
  return all;
}

std::string AssimilationRun::text(const char* name) const {
  AssimilateOptions copy = options;
  for (const Option& option : copy.list())
    if (option.name == name && option.is_used())
      return fmt::format("{}", fmt::join(option.values(), ","));
  return {};
}

AssimilationRun AssimilationRun::with(const std::string& name, const std::string& value) const {
  AssimilationRun changed = *this;
  for (Option& option : changed.list())
    if (option.name == name) option.assign({value});
  return changed;
}

RunSettings AssimilationRun::identity(FileDigests& digests, Role except) const {
  AssimilationRun copy = *this;
  return run_identity(copy.list(), digests, except);
}

Json AssimilationRun::digests(FileDigests& digests) const {
  AssimilationRun copy = *this;
  return input_digests(copy.list(), digests);
}

AssimilationRun single_run(const AssimilateOptions& options, const Context& context) {
  AssimilationRun run{options, context};
  fill_texts(run, run.list());
  run.context.settings = to_json(run.list());
  return run;
}

std::vector<AssimilationRun> listed_runs(const AssimilateOptions& common, const Context& context) {
  const AssimilateOptions defaults;
  std::vector<AssimilationRun> runs;
  std::set<std::string> names;
  const std::vector<Settings>& layers = context.layers;  // command line, environment, file, ...
  for (const Settings& table : context.runs) {
    AssimilationRun any{defaults, context};
    for (const Settings& own : expand_run(table, any.list())) {
      std::vector<Settings> all(layers.begin(), layers.begin() + 2);
      all.push_back(own);
      all.insert(all.end(), layers.begin() + 2, layers.end());
      AssimilationRun run = resolved(defaults, context, all);
      require_used(run.list(), own);
      // A run keeps the name that the file gives it, whatever the command line changes.
      AssimilationRun named = resolved(defaults, context, std::span(all).subspan(2));
      named.options.results.out = common.results.out;
      fill_texts(run, named.list());
      check_run_name(run.name(), names);
      ResultOptions& c = run.options.results;
      if (!c.out.empty()) c.out = (std::filesystem::path(c.out) / c.name).string();
      c.run.clear();
      run.selected = is_chosen(c.name, common.results.run);
      runs.push_back(std::move(run));
      runs.back().context.settings = to_json(runs.back().list());
    }
  }
  check_pairs(runs);
  require_flags_used(runs, layers.front());
  if (std::none_of(runs.begin(), runs.end(), [](const auto& run) { return run.selected; }))
    throw UsageError(
        fmt::format("--run: the file has none of these runs; it has {}", fmt::join(names, ", ")));
  return runs;
}

void require_pair(const AssimilationRun& run, const AssimilationRun& other) {
  AssimilationRun a = run, b = other;
  const std::vector<Option> mine = a.list(), theirs = b.list();
  const auto values = [](const Option& option) {
    return option.is_used() ? option.values() : std::vector<std::string>{};
  };
  for (std::size_t i = 0; i < mine.size(); ++i)  // the same options in the same order
    if (mine[i].is(Role::paired) && values(mine[i]) != values(theirs[i]))
      throw UsageError(fmt::format("run '{}' cannot be compared with '{}' in pairs: --{} differs",
                                   run.name(), other.name(), mine[i].name));
}

}  // namespace papillon::apps
