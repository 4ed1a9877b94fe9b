#include "papillon/apps/assimilate/options.hpp"

namespace papillon::apps {
namespace {

void list_results(ResultOptions& o, const OptionVisitor& visit) {
  using enum Role;
  visit("out", o.out, {"directory for results, states and checkpoints", {}, output});
  visit("resume", o.resume, {"continue the run in --out, with its settings", {}, transient});
  visit("name", o.name, {"of the run", {}, display});
  visit("series", o.series, {"its line in figures", {}, display});
  visit("expected", o.expected, {"the literature's score, to show", closed(0, 1e300), display});
  visit("figure", o.figure, {"stem of figures, drawn by gnuplot", {}, output});
  visit.where(
      {"a --config file with [[assimilate.run]] tables", [&o] { return o.listed; }},
      [&o](auto&& list) {
        list("run", o.run,
             {"runs of the configuration file that are done (default: all)", {}, transient});
        list("baseline", o.baseline, {"run that it is compared with, in pairs", {}, display});
        list("control", o.control, {"a second such run: the exact posterior, say", {}, display});
      });
}

}  // namespace

AssimilateOptions::AssimilateOptions(const MethodRegistry& methods, const SourceRegistry& sources)
    : method(methods, "method", "how observations are used", "etkf"),
      spread{{}, 200, source_choice(sources)} {}

std::vector<Option> AssimilateOptions::list() {
  std::vector<Option> all;
  const auto unless_spread = [this, &all](const char* heading, auto list) {
    OptionVisitor{all, heading}.where(
        {"experiments without --spread", [this] { return !spread.is_asked_for(); }}, list);
  };
  // Of the truth, the climate, or a search.
  const auto integrates_states = [this] {
    return (tuning.is_asked_for() && tuning.truth.empty()) ||
           (truth.file.empty() && (!spread.is_asked_for() || truth.climate.empty()));
  };
  append_options(all, dynamics, "System");
  unless_spread("System", [this](auto&& visit) { visit(forecast); });
  append_options(all, truth, "Truth");
  OptionVisitor{all, "Truth"}.where(
      {"states that are integrated, not read", integrates_states}, [this](auto&& visit) {
        visit(
            "spin-up", truth.spin_up,
            {"model steps before an integrated state is used", closed(0, max_count), Role::paired});
      });
  unless_spread("Truth", [this](auto&& visit) { truth.list_truths(visit); });
  unless_spread("Observations", [this](auto&& visit) { visit(observations); });
  unless_spread("Method", [this](auto&& visit) { visit(method); });
  unless_spread("Run", [this](auto&& visit) { visit(run); });
  OptionVisitor{all, "Run"}.where(
      {"--out", [this] { return !results.out.empty() && !spread.is_asked_for(); }},
      [this](auto&& visit) { run.list_files(visit); });
  append_options(all, tuning, "Tuning");
  append_options(all, spread, "Spread of generated ensembles");
  list_results(results, OptionVisitor{all, "Results"});
  return all;
}

}  // namespace papillon::apps
