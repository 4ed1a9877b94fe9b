// --tune: the search for one option's value, on trajectories of its own.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "papillon/apps/assimilate/results.hpp"
#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/assimilate/uses.hpp"
#include "papillon/apps/assimilate/world.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

struct Range {
  double low, high;
};

Range parse_range(const AssimilateOptions& o) {
  const std::size_t colon = std::min(o.range.find(':'), o.range.size());
  const auto low = parse_number(o.range.substr(0, colon)),
             high = parse_number(o.range.substr(std::min(colon + 1, o.range.size())));
  if (!low || !high || !(*low < *high) || !std::isfinite(*high - *low))
    throw UsageError(fmt::format("--range '{}' is needed as LOW:HIGH with --tune", o.range));
  return {*low, *high};
}

// Whether the option is a number, and one without a fraction.
bool is_whole(const std::string& option) {
  AssimilateOptions o;
  CLI::App app;
  o.add_to(app);
  const CLI::Option* found = app.get_option_no_throw("--" + option);
  const std::string type = found ? found->get_type_name() : "";
  const bool number = type.rfind("FLOAT", 0) == 0, whole = type.find("INT") <= 1;
  if (found == nullptr || found->get_items_expected_max() != 1 || !(number || whole))
    throw UsageError(fmt::format("--tune {}: is no option that is a number", option));
  return whole;
}

// The points that are known, in memory and in tuning.json.
class Points {
 public:
  Points(const ParsedRun& run, Inputs& inputs)
      : settings_(essential_settings(run.context.settings)),
        digests_(input_digests(run.options, inputs)) {
    // What concerns the test alone.
    for (const char* key : {"cycles", "burn-in", "trajectories", "first-time", "first-trajectory",
                            "range", "points", "golden", "store", "store-from",
                            "along-window-every", "batches", "without-crps", "go-on"})
      settings_.erase(key);
    settings_.erase(run.options.tune);
    if (run.options.out.empty()) return;
    path_ = std::filesystem::path(run.options.out) / "tuning.json";
    std::ifstream file(path_);
    const Json json = Json::parse(file, nullptr, false);
    if (!json.is_object() || json.value("config", Json()) != settings_ ||
        json.value("inputs", Json()) != digests_ || !json.contains("points"))
      return;
    for (const Json& p : json["points"]) {
      if (!p.is_array() || p.size() != 4 || !p[0].is_number()) continue;
      const auto value = [&](std::size_t i) {
        return p[i].is_number() ? p[i].get<double>() : std::numeric_limits<double>::infinity();
      };
      known_[value(0)] = {value(1), value(2), value(3)};
    }
  }

  const Estimate* find(double parameter) const {
    const auto found = known_.find(parameter);
    return found == known_.end() ? nullptr : &found->second;
  }
  void add(double parameter, const Estimate& score) {
    known_[parameter] = score;
    if (path_.empty()) return;
    Json json = {{"config", settings_}, {"inputs", digests_}, {"points", Json::array()}};
    for (const auto& [p, e] : known_)
      json["points"].push_back({p, e.value, e.se_trajectories, e.se_batches});
    write_file_atomically(path_, json.dump(2) + "\n");
  }

 private:
  Json settings_, digests_;
  std::filesystem::path path_;
  std::map<double, Estimate> known_;
};

Estimate score_of(const AssimilateOptions& o, const TwinScores& scores) {
  const StateScores& state =
      o.tune_score.rfind("analysis", 0) == 0 ? scores.analysis : scores.background;
  return o.tune_score.find("nrmse") != std::string::npos ? state.nrmse_pooled
                                                         : state.rmse_time_mean;
}

// What is searched for, and where.
struct Search {
  bool whole;
  Range range;
};
Search parse_search(const AssimilateOptions& o) {
  check_tunable(o);
  if (!o.truth.empty() && o.tune_truth == o.truth)
    throw UsageError("--tune-truth is the --truth of the test; tune on other trajectories");
  const bool whole = is_whole(o.tune);
  Range range = parse_range(o);
  if (whole) range = {std::ceil(range.low), std::floor(range.high)};
  if (range.low > range.high)
    throw UsageError(fmt::format("--range {}: holds no whole number, as --{} is", o.range, o.tune));
  if (o.golden && o.points < 5)
    throw UsageError(fmt::format("--points {}: a golden-section search needs 5 or more", o.points));
  return {whole, range};
}

// The experiment of the search in place of the test's.
AssimilateOptions training(AssimilateOptions o) {
  o.truth = o.tune_truth;
  o.trajectories = o.tune_trajectories;
  o.cycles = o.tune_cycles;
  o.burn_in = o.tune_burn_in;
  o.first_time = o.first_trajectory = o.along_window_every = 0;
  o.observations.clear();
  o.without_crps = true;
  o.go_on = false;
  return o;
}

}  // namespace

ParsedRun with_tuned_value(const ParsedRun& run, double value) {
  std::vector<Settings> layers = run.context.layers;
  layers.insert(layers.begin(),
                Settings{{run.options.tune, {{fmt::format("{}", value)}, "--tune", false}}});
  ParsedRun tuned = parse_run(run.context, layers);
  AssimilateOptions& o = tuned.options;
  o.out = run.options.out;
  o.resume = run.options.resume;
  o.name = run.options.name;
  if (run.options.covariance.size() == 1) o.covariance = run.options.covariance;  // filled
  return tuned;
}

void check_tuning(const ParsedRun& run, Inputs& inputs) {
  const AssimilateOptions& o = run.options;
  const Search search = parse_search(o);
  for (const double end : {search.range.low, search.range.high}) {
    try {
      const AssimilateOptions there = with_tuned_value(run, end).options;
      make_twin(training(there), inputs, {run.context.seed, 0, 0, Experiment::tuning});
      make_twin(there, inputs, {run.context.seed});
    } catch (const ArgumentError& error) {
      throw UsageError(fmt::format("--tune {} --range {}: {}", o.tune, o.range, error.what()));
    }
  }
}

TuningCurve tune(const ParsedRun& run, Inputs& inputs) {
  const AssimilateOptions& o = run.options;
  const auto [whole, range] = parse_search(o);
  // Other random numbers than the test's.
  const RandomAddress random{run.context.seed, 0, 0, Experiment::tuning};
  Points points(run, inputs);
  Progress bar("tune " + o.tune, o.points, "points", run.context.quiet);
  std::uint64_t done = 0;

  std::string first_failure;
  const auto objective = [&, whole = whole](double parameter) {
    if (whole) parameter = std::round(parameter);
    bar.update(done++, fmt::format("{:.6g}", parameter));
    if (const Estimate* known = points.find(parameter)) return *known;
    constexpr double inf = std::numeric_limits<double>::infinity();
    Estimate score{inf, inf, inf};
    const AssimilateOptions trial = training(with_tuned_value(run, parameter).options);
    Twin twin = make_twin(trial, inputs, random);
    TwinExperiment& experiment = twin.experiment;
    try {
      experiment.run();
      score = score_of(o, experiment.scores());
    } catch (const AssimilationError& error) {  // infinite: worse than all that did not fail
      if (first_failure.empty()) first_failure = error.what();
    }
    points.add(parameter, score);
    return score;
  };

  const auto search = [&, whole = whole, range = range] {
    if (!o.golden) {
      std::vector<double> grid;
      for (std::size_t i = 0; i < o.points; ++i) {
        const double p = range.low + (range.high - range.low) * static_cast<double>(i) /
                                         static_cast<double>(o.points - 1);
        grid.push_back(whole ? std::round(p) : p);
      }
      return grid_search(objective, std::move(grid));
    }
    // Two ends and two points between them, then one each that leaves 0.618 of the interval.
    const double shrunk = std::pow(0.6180339887498949, static_cast<double>(o.points) - 4);
    return golden_section(objective, range.low, range.high,
                          (range.high - range.low) * shrunk * (1 + 1e-9));
  };
  TuningCurve curve;
  try {
    curve = search();
  } catch (const NumericalError& error) {
    throw NumericalError(fmt::format("--tune {}: {}{}", o.tune, error.what(),
                                     first_failure.empty() ? "" : "; the first: " + first_failure));
  } catch (const ArgumentError& error) {
    throw UsageError(fmt::format("--tune {} --range {}: {}", o.tune, o.range, error.what()));
  }
  if (whole) {  // what was run is the nearest whole number
    for (TuningPoint& p : curve.points) p.parameter = std::round(p.parameter);
    const auto same = [](const TuningPoint& a, const TuningPoint& b) {
      return a.parameter == b.parameter;
    };
    curve.points.erase(std::unique(curve.points.begin(), curve.points.end(), same),
                       curve.points.end());
    curve.best = std::round(curve.best);
  }
  bar.update(o.points);
  bar.finish();
  if (curve.at_an_end)
    bar.note(fmt::format("the best --{} is {:.6g}, an end of the range: it may lie beyond", o.tune,
                         curve.best));
  if (!o.out.empty()) {
    std::string csv = o.tune + ",score,score_se\n";
    for (const TuningPoint& p : curve.points)
      csv += fmt::format("{:.9g},{},{}\n", p.parameter, number_text(p.score.value, "{:.9g}"),
                         number_text(standard_error(p.score), "{:.3g}"));
    write_file_atomically(std::filesystem::path(o.out) / "tuning.csv", csv);
  }
  return curve;
}

}  // namespace papillon::apps
