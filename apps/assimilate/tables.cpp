#include "papillon/apps/assimilate/tables.hpp"

#include <fmt/format.h>

namespace papillon::apps {
namespace {

using Scores = TwinScores;
using State = StateScores;

// get(scores) of a run that has some; otherwise a value that is not defined.
template <class Get>
auto of_scores(Get get) {
  return [get](const FinishedRun& run) -> decltype(get(*run.result.scores)) {
    if (run.result.scores) return get(*run.result.scores);
    return {std::nan("")};
  };
}

Column<FinishedRun> setting(const char* name, const char* option, bool quoted = false) {
  const auto text = [option](const FinishedRun& run) { return run.run.text(option); };
  return text_column<FinishedRun>("", name, text, quoted);
}

template <class Get>
Column<FinishedRun> number(const char* heading, const char* name, Get get, const char* format = "",
                           const char* csv_format = "{:.6g}") {
  return number_column<FinishedRun>(heading, name, get, format, csv_format);
}

void add_scores(std::vector<Column<FinishedRun>>& columns) {
  constexpr struct {
    const char *heading, *name;
    State Scores::*state;
    Estimate State::*score;
    bool error;  // shown to people
  } list[] = {   // In the order of people, and in that of files.
              {"analysis nRMSE", "", &Scores::analysis, &State::nrmse_pooled, true},
              {"background nRMSE", "", &Scores::background, &State::nrmse_pooled, true},
              {"analysis RMSE", "", &Scores::analysis, &State::rmse_time_mean, true},
              {"", "analysis_nrmse_pooled", &Scores::analysis, &State::nrmse_pooled, true},
              {"", "analysis_rmse_time_mean", &Scores::analysis, &State::rmse_time_mean, true},
              {"spread", "analysis_spread", &Scores::analysis, &State::spread_pooled, false},
              {"CRPS", "analysis_crps", &Scores::analysis, &State::crps, false},
              {"", "background_nrmse_pooled", &Scores::background, &State::nrmse_pooled, true},
              {"", "background_rmse_time_mean", &Scores::background, &State::rmse_time_mean, true},
              {"", "background_spread", &Scores::background, &State::spread_pooled, true},
              {"", "background_crps", &Scores::background, &State::crps, true}};
  for (const auto& [heading, name, state, score, error] : list) {
    const auto get = of_scores(
        [state = state, score = score](const Scores& s) { return measured(s.*state.*score); });
    columns.push_back(measured_column<FinishedRun>(heading, name, get));
    if (!error)
      columns.back().text = [get](const FinishedRun& run) {
        return with_error(number_text(get(run).value, "{:.4f}"), "");
      };
  }
}

void add_pairs(std::vector<Column<FinishedRun>>& columns) {
  constexpr struct {
    const char *name, *prefix, *heading;
    std::optional<PairedResult> RunResult::*pair;
  } list[] = {{"baseline", "", "against baseline", &RunResult::baseline},
              {"control", "control_", "against control", &RunResult::control}};
  for (const auto& [name, prefix, heading, pair] : list) {
    const auto get = [pair = pair](Measured PairedResult::*difference) {
      return [pair, difference](const FinishedRun& run) {
        const auto& paired = run.result.*pair;
        return paired ? (*paired).*difference : Measured{};
      };
    };
    columns.push_back(setting(name, name, true));
    for (const auto& [state, difference] :
         {std::pair("difference", &PairedResult::analysis),
          std::pair("background_difference", &PairedResult::background)})
      columns.push_back(
          measured_column<FinishedRun>("", std::string(prefix) + state, get(difference)));
    columns.push_back(measured_column<FinishedRun>(
        heading, "", get(&PairedResult::analysis_percent), "{:+.2f}", " %", ""));
  }
}

std::string note(const FinishedRun& run) {
  const RunResult& r = run.result;
  if (!r.scores) return r.failures.empty() ? "no scores" : r.failures.front();
  std::string text;
  if (!r.failures.empty()) text = fmt::format("({} failed)  ", r.failures.size());
  if (!r.lost.empty()) text += fmt::format("(lost the truth: {} trajectories)", r.lost.size());
  return text;
}

// A start step of a run.
struct SpreadRow {
  const AssimilationRun& run;
  int start_step;
  const EnsembleStatistics& statistics;
};

std::vector<SpreadRow> spread_rows(std::span<const FinishedRun> runs) {
  std::vector<SpreadRow> rows;
  for (const FinishedRun& run : runs) {
    const SpreadCurve& curve = run.result.spread->curve;
    for (std::size_t i = 0; i < curve.start_steps.size(); ++i)
      rows.push_back({run.run, curve.start_steps[i], curve.statistics[i]});
  }
  return rows;
}

std::vector<Column<SpreadRow>> spread_columns() {
  using Statistics = EnsembleStatistics;
  std::vector<Column<SpreadRow>> columns = {text_column<SpreadRow>(
      "", "name", [](const SpreadRow& r) { return r.run.name(); }, true)};
  for (const char* option : {"ensemble", "members"})
    columns.push_back(text_column<SpreadRow>(
        "", option, [option](const SpreadRow& r) { return r.run.text(option); }));
  columns.push_back(text_column<SpreadRow>("start step", "start_steps", [](const SpreadRow& r) {
    return std::to_string(r.start_step);
  }));
  constexpr struct {
    const char *heading, *name;
    double Statistics::*value;
    const char* format;
    double factor;
  } list[] = {
      {"spread", "spread", &Statistics::spread_pooled, "{:.4f}", 1},
      {"shift", "shift", &Statistics::shift_pooled, "{:.4f}", 1},
      {"excess skewness", "skewness", &Statistics::skewness, "{:.3f}", 1},
      {"±", "skewness_se", &Statistics::skewness_se, "{:.3f}", 1},
      {"excess kurtosis", "kurtosis", &Statistics::kurtosis, "{:.3f}", 1},
      {"±", "kurtosis_se", &Statistics::kurtosis_se, "{:.3f}", 1},
      {"not Gaussian: skewness", "rejected_by_skewness", &Statistics::rejected_by_skewness,
       "{:.1f} %", 100},
      {"kurtosis", "rejected_by_kurtosis", &Statistics::rejected_by_kurtosis, "{:.1f} %", 100}};
  for (const auto& [heading, name, value, format, factor] : list) {
    const auto get = [value = value](const SpreadRow& r) { return r.statistics.*value; };
    columns.push_back(number_column<SpreadRow>(heading, name, get, format, "{}"));
    columns.back().text = [get, format = format, factor = factor](const SpreadRow& r) {
      return number_text(factor * get(r), format);
    };
  }
  return columns;
}

}  // namespace

std::vector<Column<FinishedRun>> score_columns() {
  const auto tuned = [](const FinishedRun& run) {
    return run.result.tuning ? run.result.tuning->curve.best : std::nan("");
  };
  std::vector<Column<FinishedRun>> columns = {
      text_column<FinishedRun>(
          "run", "name", [](const FinishedRun& run) { return run.run.label(); }, true),
      setting("method", "method"),
      setting("ensemble", "ensemble"),
      setting("members", "members"),
      setting("interval", "interval"),
      setting("start_step", "start-step"),
      setting("tuned_option", "tune"),
      number("", "tuned", tuned),
      number("", "cycles", of_scores([](const Scores& s) { return double(s.cycles); }), "",
             "{:.0f}"),
      number("", "trajectories", of_scores([](const Scores& s) { return double(s.trajectories); }),
             "", "{:.0f}")};
  add_scores(columns);
  add_pairs(columns);
  columns.push_back(number("tuned", "", tuned, "{:.5g}"));
  columns.push_back(
      number("", "lost_share", of_scores([](const Scores& s) { return s.lost_share; })));
  columns.push_back(number(
      "expected", "expected",
      [](const FinishedRun& run) {
        return run.run.options.results.expected.value_or(std::nan(""));
      },
      "{:.4g}"));
  columns.push_back(
      number("", "seconds", [](const FinishedRun& run) { return run.result.seconds; }));
  columns.push_back(text_column<FinishedRun>("", "failure", [](const FinishedRun& run) {
    return run.result.failures.empty() ? "" : csv_quoted(run.result.failures.front());
  }));
  return columns;
}

std::string spread_csv(std::span<const FinishedRun> runs) {
  return csv<SpreadRow>(spread_columns(), spread_rows(runs));
}

void print_tables(std::span<const FinishedRun> runs) {
  std::vector<FinishedRun> scored;
  for (const FinishedRun& run : runs)
    if (!run.result.spread) scored.push_back(run);
  if (!scored.empty()) fmt::print("{}", aligned<FinishedRun>(score_columns(), scored, note));
  for (const FinishedRun& run : runs)
    if (run.result.spread)
      fmt::print("\n{}\n{}", run.run.label(),
                 aligned<SpreadRow>(spread_columns(), spread_rows({&run, 1})));
}

}  // namespace papillon::apps
