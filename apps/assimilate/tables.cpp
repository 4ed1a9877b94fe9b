#include "papillon/apps/assimilate/tables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon::apps {
namespace {

using RunColumn = Column<FinishedRun>;

auto setting(const char* option) {
  return [option](const FinishedRun& row) { return row.run.text(option); };
}

RunColumn score_column(const char* heading, const char* name, StateScores TwinScores::*state,
                       Estimate StateScores::*score) {
  return measured_column<FinishedRun>(heading, name, [=](const FinishedRun& row) {
    return row.result.scores ? measured((*row.result.scores).*state.*score) : Measured{};
  });
}

// For people, the value without its error.
RunColumn without_error(RunColumn column, Estimate StateScores::*score) {
  column.text = [score](const FinishedRun& row) {
    const std::string text =
        row.result.scores ? number_text((row.result.scores->analysis.*score).value, "{:.4f}") : "";
    return text.empty() ? std::string("-") : text;
  };
  return column;
}

using Pair = std::optional<PairedResult> RunResult::*;

RunColumn pair_column(const char* name, Pair pair, Measured PairedResult::*difference) {
  return measured_column<FinishedRun>("", name, [=](const FinishedRun& row) {
    const auto& p = row.result.*pair;
    return p ? (*p).*difference : Measured{};
  });
}
RunColumn percent_column(const char* heading, Pair pair) {
  return measured_column<FinishedRun>(
      heading, "",
      [=](const FinishedRun& row) {
        const auto& p = row.result.*pair;
        return p ? p->analysis_percent : Measured{};
      },
      "{:+.2f}", " %", "");
}

bool any_of(std::span<const FinishedRun> runs, bool (*has)(const FinishedRun&)) {
  return std::any_of(runs.begin(), runs.end(), has);
}

std::string note(const FinishedRun& row) {
  const RunResult& r = row.result;
  if (!r.scores) return r.failures.empty() ? "no scores" : r.failures.front();
  std::string text;
  if (!r.failures.empty()) text = fmt::format("({} failed)", r.failures.size());
  if (!r.lost.empty())
    text +=
        fmt::format("{}(lost the truth: {} trajectories)", text.empty() ? "" : "  ", r.lost.size());
  return text;
}

// A start step of a run.
struct SpreadRow {
  const FinishedRun& run;
  int start_step;
  const EnsembleStatistics& statistics;
};

std::vector<SpreadRow> spread_rows(const FinishedRun& run) {
  std::vector<SpreadRow> rows;
  const SpreadCurve& curve = run.result.spread->curve;
  for (std::size_t i = 0; i < curve.start_steps.size(); ++i)
    rows.push_back({run, curve.start_steps[i], curve.statistics[i]});
  return rows;
}

std::vector<Column<SpreadRow>> spread_columns() {
  using S = EnsembleStatistics;
  const auto of_run = [](const char* option) {
    return [option](const SpreadRow& row) { return row.run.run.text(option); };
  };
  const auto number = [](const char* heading, const char* name, double S::*value,
                         const char* csv_format = "{}") {
    return number_column<SpreadRow>(
        heading, name, [value](const SpreadRow& row) { return row.statistics.*value; }, "{:.4f}",
        csv_format);
  };
  const auto test = [](const char* heading, double S::*value, double S::*error) {
    return measured_column<SpreadRow>(
        heading, "",
        [=](const SpreadRow& row) {
          return Measured{row.statistics.*value, row.statistics.*error};
        },
        "{:.3f}");
  };
  const auto share = [](const char* heading, double S::*value) {
    return number_column<SpreadRow>(
        heading, "", [value](const SpreadRow& row) { return 100 * (row.statistics.*value); },
        "{:.1f} %");
  };
  return {text_column<SpreadRow>(
              "", "name", [](const SpreadRow& row) { return row.run.run.name(); }, true),
          text_column<SpreadRow>("", "ensemble", of_run("ensemble")),
          text_column<SpreadRow>("", "members", of_run("members")),
          number_column<SpreadRow>(
              "start step", "start_steps", [](const SpreadRow& row) { return row.start_step; },
              "{:.0f}", "{:.0f}"),
          number("spread", "spread", &S::spread_pooled),
          number("shift", "shift", &S::shift_pooled),
          number("", "skewness", &S::skewness),
          number("", "skewness_se", &S::skewness_se),
          number("", "kurtosis", &S::kurtosis),
          number("", "kurtosis_se", &S::kurtosis_se),
          number("", "rejected_by_skewness", &S::rejected_by_skewness),
          number("", "rejected_by_kurtosis", &S::rejected_by_kurtosis),
          test("excess skewness", &S::skewness, &S::skewness_se),
          test("excess kurtosis", &S::kurtosis, &S::kurtosis_se),
          share("not Gaussian by skewness", &S::rejected_by_skewness),
          share("by kurtosis", &S::rejected_by_kurtosis)};
}

}  // namespace

std::vector<RunColumn> score_columns(std::span<const FinishedRun> runs) {
  const auto shown = [&](const char* heading, bool (*has)(const FinishedRun&)) {
    return any_of(runs, has) ? heading : "";
  };
  const char* tuned = shown("tuned", [](const FinishedRun& r) { return bool(r.result.tuning); });
  const char* expected = shown(
      "expected", [](const FinishedRun& r) { return r.run.options.results.expected.has_value(); });
  using T = TwinScores;
  using S = StateScores;
  std::vector<RunColumn> columns = {text_column<FinishedRun>(
      "run", "name", [](const FinishedRun& row) { return row.run.label(); }, true)};
  for (const char* option : {"method", "ensemble", "members", "interval", "start-step", "tune"}) {
    std::string name = option;
    std::replace(name.begin(), name.end(), '-', '_');
    columns.push_back(
        text_column<FinishedRun>("", name == "tune" ? "tuned_option" : name, setting(option)));
  }
  const auto number = [](const char* heading, const char* name, auto get, const char* format) {
    return number_column<FinishedRun>(heading, name, get, format);
  };
  const std::vector<RunColumn> rest = {
      number(
          tuned, "tuned",
          [](const FinishedRun& r) {
            return r.result.tuning ? r.result.tuning->curve.best : std::nan("");
          },
          "{:.5g}"),
      text_column<FinishedRun>("", "cycles",
                               [](const FinishedRun& r) {
                                 return r.result.scores ? std::to_string(r.result.scores->cycles)
                                                        : std::string();
                               }),
      text_column<FinishedRun>("", "trajectories",
                               [](const FinishedRun& r) {
                                 return r.result.scores
                                            ? std::to_string(r.result.scores->trajectories)
                                            : std::string();
                               }),
      score_column("analysis nRMSE", "analysis_nrmse_pooled", &T::analysis, &S::nrmse_pooled),
      score_column("analysis RMSE", "analysis_rmse_time_mean", &T::analysis, &S::rmse_time_mean),
      without_error(score_column("spread", "analysis_spread", &T::analysis, &S::spread_pooled),
                    &S::spread_pooled),
      without_error(score_column("CRPS", "analysis_crps", &T::analysis, &S::crps), &S::crps),
      score_column("background nRMSE", "background_nrmse_pooled", &T::background, &S::nrmse_pooled),
      score_column("", "background_rmse_time_mean", &T::background, &S::rmse_time_mean),
      score_column("", "background_spread", &T::background, &S::spread_pooled),
      score_column("", "background_crps", &T::background, &S::crps),
      percent_column(
          shown("against baseline", [](const FinishedRun& r) { return bool(r.result.baseline); }),
          &RunResult::baseline),
      percent_column(
          shown("against control", [](const FinishedRun& r) { return bool(r.result.control); }),
          &RunResult::control),
      text_column<FinishedRun>("", "baseline", setting("baseline"), true),
      pair_column("difference", &RunResult::baseline, &PairedResult::analysis),
      pair_column("background_difference", &RunResult::baseline, &PairedResult::background),
      text_column<FinishedRun>("", "control", setting("control"), true),
      pair_column("control_difference", &RunResult::control, &PairedResult::analysis),
      pair_column("control_background_difference", &RunResult::control, &PairedResult::background),
      number(
          "", "lost_share",
          [](const FinishedRun& r) {
            return r.result.scores ? r.result.scores->lost_share : std::nan("");
          },
          ""),
      number(
          expected, "expected",
          [](const FinishedRun& r) {
            return r.run.options.results.expected.value_or(std::nan(""));
          },
          "{:.4g}"),
      number(
          "", "seconds", [](const FinishedRun& r) { return r.result.seconds; }, ""),
      text_column<FinishedRun>("", "failure", [](const FinishedRun& r) {
        return r.result.failures.empty() ? "" : csv_quoted(r.result.failures.front());
      })};
  columns.insert(columns.end(), rest.begin(), rest.end());
  return columns;
}

std::string spread_csv(std::span<const FinishedRun> runs) {
  std::vector<SpreadRow> rows;
  for (const FinishedRun& run : runs)
    for (const SpreadRow& row : spread_rows(run)) rows.push_back(row);
  return csv<SpreadRow>(spread_columns(), rows);
}

void print_tables(std::span<const FinishedRun> runs) {
  std::vector<FinishedRun> scored;
  for (const FinishedRun& run : runs)
    if (!run.result.spread) scored.push_back(run);
  if (!scored.empty()) fmt::print("{}", aligned<FinishedRun>(score_columns(scored), scored, note));
  for (const FinishedRun& run : runs)
    if (run.result.spread)
      fmt::print("\n{}\n{}", run.run.label(),
                 aligned<SpreadRow>(spread_columns(), spread_rows(run)));
}

}  // namespace papillon::apps
