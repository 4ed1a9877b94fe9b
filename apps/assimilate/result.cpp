#include "papillon/apps/assimilate/result.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/apps/numbers.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// The fields of scores, for writing and for reading.
template <class Scores, class Visit>
void visit_state(Scores& s, bool compact, Visit&& visit) {
  visit("nrmse_pooled", s.nrmse_pooled);
  visit("rmse_time_mean", s.rmse_time_mean);
  visit("spread", s.spread_pooled);
  visit("spread_time_mean", s.spread_time_mean);
  visit("crps", s.crps);
  visit("rmse_components", s.rmse_components);
  visit("bias_components", s.bias_components);
  if (compact) return;
  visit("rank_histogram", s.rank_histogram);
  visit("nrmse_trajectories", s.nrmse_trajectories);
  visit("nrmse_batches", s.nrmse_batches);
}

template <class Statistics, class Visit>
void visit_statistics(Statistics& s, Visit&& visit) {
  visit("spread", s.spread_pooled);
  visit("shift", s.shift_pooled);
  visit("skewness", s.skewness);
  visit("skewness_se", s.skewness_se);
  visit("kurtosis", s.kurtosis);
  visit("kurtosis_se", s.kurtosis_se);
  visit("rejected_by_skewness", s.rejected_by_skewness);
  visit("rejected_by_kurtosis", s.rejected_by_kurtosis);
}

Json list(std::span<const double> values) {
  Json json = Json::array();
  for (const double v : values) json.push_back(json_number(v));
  return json;
}

struct Writer {
  Json& json;

  void operator()(const std::string& name, const Estimate& e) const {
    json[name] = json_number(e.value);
    json[name + "_se"] = json_number(standard_error(e));
    json[name + "_se_batches"] = json_number(e.se_batches);
  }
  void operator()(const char* name, const std::vector<double>& values) const {
    json[name] = list(values);
  }
  void operator()(const char* name, const Tensor<double>& matrix) const {
    Json& rows = json[name] = Json::array();
    for (std::size_t i = 0; i < (matrix.empty() ? 0 : matrix.extent(0)); ++i)
      rows.push_back(list(matrix.span().subspan(i * matrix.extent(1), matrix.extent(1))));
  }
};

struct Reader {
  const Json& json;

  void operator()(const std::string& name, Estimate& e) const {
    e = {number_of(json.at(name)), number_of(json.at(name + "_se")),
         number_of(json.at(name + "_se_batches"))};
  }
  void operator()(const char* name, std::vector<double>& values) const {
    for (const Json& value : json.at(name)) values.push_back(number_of(value));
  }
  void operator()(const char* name, Tensor<double>& matrix) const {
    const Json& rows = json.at(name);
    if (rows.empty()) return;
    matrix = Tensor<double>(Shape{rows.size(), rows.at(0).size()});
    for (std::size_t i = 0; i < matrix.extent(0); ++i)
      for (std::size_t j = 0; j < matrix.extent(1); ++j) matrix(i, j) = number_of(rows.at(i).at(j));
  }
};

void write_scores(Json& json, const TwinScores& scores, bool compact) {
  visit_state(scores.analysis, compact, Writer{json["analysis"]});
  visit_state(scores.background, compact, Writer{json["background"]});
  Writer{json}("background_covariance", scores.background_covariance);
  Writer{json}("background_error_covariance", scores.background_error_covariance);
  json["cycles"] = scores.cycles;
  json["trajectories"] = scores.trajectories;
  json["lost_share"] = json_number(scores.lost_share);
  if (scores.along_window.empty()) return;
  Json& window = json["along_window"] = Json::array();
  for (const WindowScore& w : scores.along_window) {
    Json& entry = window.emplace_back(Json{{"step", w.step}});
    Writer{entry}("nrmse_pooled", w.nrmse_pooled);
    Writer{entry}("rmse_time_mean", w.rmse_time_mean);
  }
}

TwinScores read_scores(const Json& json) {
  TwinScores scores;
  visit_state(scores.analysis, false, Reader{json.at("analysis")});
  visit_state(scores.background, false, Reader{json.at("background")});
  Reader{json}("background_covariance", scores.background_covariance);
  Reader{json}("background_error_covariance", scores.background_error_covariance);
  scores.cycles = json.at("cycles").get<std::uint64_t>();
  scores.trajectories = json.at("trajectories").get<std::size_t>();
  scores.lost_share = number_of(json.at("lost_share"));
  for (const Json& entry : json.value("along_window", Json::array())) {
    WindowScore& w = scores.along_window.emplace_back();
    w.step = entry.at("step").get<std::size_t>();
    Reader{entry}("nrmse_pooled", w.nrmse_pooled);
    Reader{entry}("rmse_time_mean", w.rmse_time_mean);
  }
  return scores;
}

Json tuning_json(const TuningResult& tuning) {
  const TuningCurve& curve = tuning.curve;
  Json json = {{"best", curve.best}, {"at_an_end", curve.at_an_end}};
  Json& points = json["points"] = Json::array();
  for (const TuningPoint& p : curve.points)
    points.push_back({{"parameter", p.parameter},
                      {"score", json_number(p.score.value)},
                      {"score_se", json_number(standard_error(p.score))}});
  json["option"] = tuning.option;
  return json;
}

TuningResult read_tuning(const Json& json) {
  TuningResult tuning{json.at("option").get<std::string>(), {}};
  tuning.curve.best = json.at("best").get<double>();
  tuning.curve.at_an_end = json.at("at_an_end").get<bool>();
  for (const Json& p : json.at("points")) {
    const double se = number_of(p.at("score_se"));
    tuning.curve.points.push_back(
        {p.at("parameter").get<double>(), {number_of(p.at("score")), se, se}});
  }
  return tuning;
}

// Start steps for round numbers of spread, as far as the curve reaches.
Json calibration(const SpreadCurve& curve) {
  Json table = Json::array();
  for (const double spread :
       {0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}) {
    try {
      table.push_back({{"spread", spread}, {"start_step", start_step_for_spread(curve, spread)}});
    } catch (const ArgumentError&) {
      // beyond the curve
    }
  }
  return table;
}

void write_spread(Json& json, const SpreadResult& spread) {
  json["start_steps"] = spread.curve.start_steps;
  for (const EnsembleStatistics& s : spread.curve.statistics)
    visit_statistics(
        s, [&json](const char* name, double value) { json[name].push_back(json_number(value)); });
  json["calibration"] = calibration(spread.curve);
  json["states"] = spread.states;
}

SpreadResult read_spread(const Json& json) {
  SpreadResult spread{{json.at("start_steps").get<std::vector<int>>(), {}},
                      json.at("states").get<std::size_t>()};
  for (std::size_t i = 0; i < spread.curve.start_steps.size(); ++i)
    visit_statistics(
        spread.curve.statistics.emplace_back(),
        [&json, i](const char* name, double& value) { value = number_of(json.at(name).at(i)); });
  return spread;
}

Json paired_json(const PairedResult& paired, const char* kind) {
  const auto state = [](const Measured& d, const Measured& percent) {
    return Json{{"difference", json_number(d.value)},
                {"se", json_number(d.error)},
                {"percent", json_number(percent.value)},
                {"percent_se", json_number(percent.error)}};
  };
  return {{"analysis", state(paired.analysis, paired.analysis_percent)},
          {"background", state(paired.background, paired.background_percent)},
          {kind, paired.other}};
}

}  // namespace

double standard_error(const Estimate& e) {
  return std::isfinite(e.se_trajectories) ? e.se_trajectories : e.se_batches;
}

Json to_json(const RunResult& result, bool compact) {
  Json json = Json::object();
  if (result.spread) {
    write_spread(json, *result.spread);
    json["inputs"] = result.inputs;
    return json;
  }
  if (result.scores) {
    write_scores(json, *result.scores, compact);
    Json& lost = json["lost"] = Json::array();
    for (const LostTrajectory& l : result.lost)
      lost.push_back({{"trajectory", l.trajectory}, {"cycle", l.cycle}});
  }
  json["method"] = result.method;
  json["failures"] = result.failures;
  if (result.tuning) json["tuning"] = tuning_json(*result.tuning);
  json["seconds"] = result.seconds;
  json["inputs"] = result.inputs;
  if (result.baseline) json["against_baseline"] = paired_json(*result.baseline, "baseline");
  if (result.control) json["against_control"] = paired_json(*result.control, "control");
  return json;
}

RunResult result_of(const Json& json, const std::string& file) {
  RunResult result;
  try {
    result.inputs = json.at("inputs");
    if (json.contains("start_steps")) {
      result.spread = read_spread(json);
      return result;
    }
    if (json.contains("analysis")) {
      result.scores = read_scores(json);
      for (const Json& l : json.at("lost"))
        result.lost.push_back(
            {l.at("trajectory").get<std::size_t>(), l.at("cycle").get<std::uint64_t>()});
    }
    result.method = json.at("method").get<std::string>();
    result.failures = json.at("failures").get<std::vector<std::string>>();
    if (json.contains("tuning")) result.tuning = read_tuning(json.at("tuning"));
    result.seconds = json.at("seconds").get<double>();
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not the results of a run: {}", file, error.what()));
  }
  return result;
}

Json to_json(const FinishedRun& finished, bool compact) {
  return {{"name", finished.run.name()},
          {"config", finished.run.context.settings},
          {"results", to_json(finished.result, compact)}};
}

}  // namespace papillon::apps
