#include "papillon/apps/assimilate/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/numbers.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

void put(Json& json, const std::string& name, const Estimate& e) {
  json[name] = json_number(e.value);
  json[name + "_se"] = json_number(standard_error(e));
  json[name + "_se_batches"] = json_number(e.se_batches);
}

Json nested(const Tensor<double>& matrix) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < (matrix.empty() ? 0 : matrix.extent(0)); ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < matrix.extent(1); ++j) row.push_back(json_number(matrix(i, j)));
    rows.push_back(std::move(row));
  }
  return rows;
}

Json list(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double v : values) json.push_back(json_number(v));
  return json;
}

Json state_json(const StateScores& s) {
  Json json;
  put(json, "nrmse_pooled", s.nrmse_pooled);
  put(json, "rmse_time_mean", s.rmse_time_mean);
  put(json, "spread", s.spread_pooled);
  put(json, "spread_time_mean", s.spread_time_mean);
  put(json, "crps", s.crps);
  json["rmse_components"] = list(s.rmse_components);
  json["bias_components"] = list(s.bias_components);
  json["rank_histogram"] = nested(s.rank_histogram);
  json["nrmse_trajectories"] = list(s.nrmse_trajectories);
  json["nrmse_batches"] = nested(s.nrmse_batches);
  return json;
}

double score(const Json& run, const char* state, const char* name) {
  const Json& results = run["results"];
  return results.contains(state) ? number_of(results[state].value(name, Json())) : std::nan("");
}

double tuned_value(const Json& run) {
  const Json& results = run["results"];
  return results.contains("tuning") ? number_of(results["tuning"]["best"]) : std::nan("");
}

std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '"');
  return "\"" + text + "\"";
}

}  // namespace

double standard_error(const Estimate& e) {
  return std::isfinite(e.se_trajectories) ? e.se_trajectories : e.se_batches;
}

Json scores_json(const TwinScores& scores, const AssimilationMethod& method) {
  Json json;
  const bool has_spread = method.uncertainty() != Uncertainty::none &&
                          (method.uncertainty() != Uncertainty::ensemble || method.members() > 1);
  json["analysis"] = state_json(scores.analysis);
  json["background"] = state_json(scores.background);
  for (const char* state : {"analysis", "background"})
    for (const char* key : {"spread", "spread_time_mean"})
      for (const char* suffix : {"", "_se", "_se_batches"})
        if (!has_spread) json[state][std::string(key) + suffix] = nullptr;
  json["background_covariance"] = nested(scores.background_covariance);
  json["background_error_covariance"] = nested(scores.background_error_covariance);
  json["cycles"] = scores.cycles;
  json["trajectories"] = scores.trajectories;
  json["lost_share"] = json_number(scores.lost_share);
  if (!scores.along_window.empty()) {
    Json& window = json["along_window"] = Json::array();
    for (const WindowScore& w : scores.along_window) {
      Json one = {{"step", w.step}};
      put(one, "nrmse_pooled", w.nrmse_pooled);
      put(one, "rmse_time_mean", w.rmse_time_mean);
      window.push_back(std::move(one));
    }
  }
  return json;
}

Json curve_json(const TuningCurve& curve) {
  Json json = {{"best", curve.best}, {"at_an_end", curve.at_an_end}};
  Json& points = json["points"] = Json::array();
  for (const TuningPoint& p : curve.points)
    points.push_back({{"parameter", p.parameter},
                      {"score", json_number(p.score.value)},
                      {"score_se", json_number(standard_error(p.score))}});
  return json;
}

StateScores pairs_of(const Json& state, const std::string& file) {
  StateScores scores{};
  try {
    for (const Json& v : state.at("nrmse_trajectories"))
      scores.nrmse_trajectories.push_back(number_of(v));
    const Json& batches = state.at("nrmse_batches");
    scores.nrmse_batches = Tensor<double>(Shape{batches.size(), batches.at(0).size()});
    for (std::size_t k = 0; k < batches.size(); ++k)
      for (std::size_t b = 0; b < batches.at(0).size(); ++b)
        scores.nrmse_batches(k, b) = number_of(batches.at(k).at(b));
    scores.nrmse_pooled.value = state.at("nrmse_pooled").get<double>();
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not the results of a run: {}", file, error.what()));
  }
  return scores;
}

std::string csv_of(const std::vector<Json>& runs) {
  std::string text =
      "name,method,ensemble,members,interval,start_step,tuned_option,tuned,cycles,trajectories";
  constexpr const char* states[] = {"analysis", "background"};
  constexpr const char* scores[] = {"nrmse_pooled", "rmse_time_mean", "spread", "crps"};
  for (const char* state : states)
    for (const char* name : scores) text += fmt::format(",{0}_{1},{0}_{1}_se", state, name);
  text +=
      ",baseline,difference,difference_se,background_difference,background_difference_se,"
      "control,control_difference,control_difference_se,control_background_difference,"
      "control_background_difference_se,lost_share,expected,seconds,failure\n";
  for (const Json& run : runs) {
    const Json &config = run["config"], &results = run["results"];
    const auto setting = [&](const char* key) {
      const Json& v = config[key];
      return v.is_string() ? v.get<std::string>() : v.dump();
    };
    const std::string method = setting("method");
    const bool generates = method == "enoi" || method == "hybrid";
    const std::string ensemble = setting("ensemble");
    const bool diffuses = generates && (ensemble == "diffusion" || ensemble == "posterior");
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}", quoted(run["name"]), method,
                        generates ? ensemble : "", setting("members"), setting("interval"),
                        diffuses ? setting("start-step") : "", setting("tune"),
                        number_text(tuned_value(run)),
                        number_text(results.value("cycles", Json()), "{:.0f}"),
                        number_text(results.value("trajectories", Json()), "{:.0f}"));
    for (const char* state : states)
      for (const char* name : scores)
        text += fmt::format(",{},{}", number_text(score(run, state, name)),
                            number_text(score(run, state, (std::string(name) + "_se").c_str())));
    for (const char* kind : {"baseline", "control"}) {
      const Json against = results.value(std::string("against_") + kind, Json::object());
      text += "," + quoted(config.value(kind, ""));
      for (const char* state : states)
        for (const char* key : {"difference", "se"})
          text +=
              "," + (against.contains(state) ? number_text(number_of(against[state][key])) : "");
    }
    text += "," + number_text(number_of(results.value("lost_share", Json())));
    const double expected = number_of(config["expected"]);
    text += fmt::format(",{},{},{}\n", expected > 0 ? number_text(expected) : "",
                        number_text(number_of(results.value("seconds", Json()))),
                        results.contains("failures") && !results["failures"].empty()
                            ? quoted(results["failures"][0])
                            : "");
  }
  return text;
}

void print_table(const std::vector<Json>& runs) {
  std::size_t width = 4;
  bool compares = false, controls = false, expects = false, tunes = false;
  for (const Json& run : runs) {
    width = std::max(width, run["name"].get<std::string>().size());
    compares |= run["results"].contains("against_baseline");
    controls |= run["results"].contains("against_control");
    expects |= number_of(run["config"]["expected"]) > 0;
    tunes |= run["results"].contains("tuning");
  }
  fmt::print("{:<{}}  {:>18}  {:>18}  {:>18}  {:>8}  {:>8}", "run", width, "analysis nRMSE",
             "background nRMSE", "analysis RMSE", "spread", "CRPS");
  if (compares) fmt::print("  {:>19}", "against baseline");
  if (controls) fmt::print("  {:>19}", "against control");
  if (tunes) fmt::print("  {:>8}", "tuned");
  if (expects) fmt::print("  {:>8}", "expected");
  fmt::print("\n");
  for (const Json& run : runs) {
    const Json& results = run["results"];
    fmt::print("{:<{}}", run["name"].get<std::string>(), width);
    if (!results.contains("analysis")) {
      fmt::print("  {}\n", results.contains("failures") && !results["failures"].empty()
                               ? results["failures"][0].get<std::string>()
                               : "no scores");
      continue;
    }
    const auto value_and_error = [&](const char* state, const char* name) {
      return with_error(
          number_text(score(run, state, name), "{:.4f}"),
          number_text(score(run, state, (std::string(name) + "_se").c_str()), "{:.4f}"));
    };
    const auto plain = [](double v) { return std::isfinite(v) ? fmt::format("{:.4f}", v) : "-"; };
    fmt::print("  {:>18}  {:>18}  {:>18}  {:>8}  {:>8}",
               value_and_error("analysis", "nrmse_pooled"),
               value_and_error("background", "nrmse_pooled"),
               value_and_error("analysis", "rmse_time_mean"),
               plain(score(run, "analysis", "spread")), plain(score(run, "analysis", "crps")));
    const auto against = [&](const char* key) {
      const Json a = results.value(key, Json::object());
      return a.contains("analysis")
                 ? with_error(number_text(a["analysis"]["percent"], "{:+.2f}"),
                              number_text(a["analysis"]["percent_se"], "{:.2f}")) +
                       " %"
                 : "";
    };
    if (compares) fmt::print("  {:>19}", against("against_baseline"));
    if (controls) fmt::print("  {:>19}", against("against_control"));
    if (tunes) {
      const double value = tuned_value(run);
      fmt::print("  {:>8}", number_text(value, "{:.5g}"));
    }
    if (expects) {
      const double value = number_of(run["config"]["expected"]);
      fmt::print("  {:>8}", value > 0 ? fmt::format("{:.4g}", value) : "");
    }
    const std::size_t failed = results.contains("failures") ? results["failures"].size() : 0;
    const std::size_t lost = results.contains("lost") ? results["lost"].size() : 0;
    fmt::print("{}{}\n", failed ? fmt::format("  ({} failed)", failed) : "",
               lost ? fmt::format("  (lost the truth: {} trajectories)", lost) : "");
  }
}

}  // namespace papillon::apps
