#include "papillon/apps/assimilate/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "papillon/apps/numbers.hpp"
#include "papillon/apps/option_list.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Whether the tuned option is a whole number. Throws UsageError unless it is a number that the
// method of the run, or the source of its ensembles, uses.
bool is_whole(const AssimilationRun& run) {
  AssimilationRun copy = run;
  const std::vector<Option> all = copy.list();
  const std::string& name = run.options.tuning.option;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Option& o) {
    return o.name == name && o.use.rfind("--method ", 0) == 0 && !o.list &&
           (o.kind == Option::Kind::whole || o.kind == Option::Kind::number);
  });
  if (found == all.end())
    throw UsageError(fmt::format("--tune {}: is no parameter of a method that is a number", name));
  require_used(all, Settings{{name, {{""}, "--tune " + name, false}}});
  return found->kind == Option::Kind::whole;
}

struct Search {
  bool whole;
  double low, high;
};

Search parse_search(const AssimilationRun& run) {
  const TuningOptions& t = run.options.tuning;
  const bool whole = is_whole(run);
  if (!run.options.truth.file.empty() && t.truth == run.options.truth.file)
    throw UsageError("--tune-truth is the --truth of the test; must be of other trajectories");
  const std::string& range = t.search.range;
  const std::size_t colon = std::min(range.find(':'), range.size());
  const auto low = parse_number(range.substr(0, colon)),
             high = parse_number(range.substr(std::min(colon + 1, range.size())));
  if (!low || !high || !(*low < *high) || !std::isfinite(*high - *low))
    throw UsageError(
        fmt::format("--range is '{}'; must be LOW:HIGH, two numbers of which the first is smaller, "
                    "with --tune",
                    range));
  if (t.search.golden && t.search.points < 5)
    throw UsageError(
        fmt::format("--points {}: must be 5 or more for a golden-section search", t.search.points));
  if (!whole) return {false, *low, *high};
  if (std::ceil(*low) > std::floor(*high))
    throw UsageError(fmt::format("--range {}: holds no whole number, as --{} is", range, t.option));
  return {true, std::ceil(*low), std::floor(*high)};
}

// The experiment of the search, with other trajectories and random numbers than the test's.
AssimilateOptions trial_options(AssimilateOptions o) {
  o.truth.file = o.tuning.truth;
  o.truth.trajectories = o.tuning.trajectories;
  o.truth.first_time = o.truth.first_trajectory = 0;
  o.observations.file.clear();
  o.run.cycles = o.tuning.cycles;
  o.run.burn_in = o.tuning.burn_in;
  o.run.along_window_every.reset();
  o.run.without_crps = true;
  o.run.go_on = false;
  return o;
}

Twin build_trial(const AssimilationRun& run, double parameter, InputFiles& files) {
  return build_twin(trial_options(with_parameter(run, parameter).options), files,
                    {run.context.seed, 0, 0, Experiment::tuning});
}

// Scores by parameter, in memory and in tuning.json.
class TrialScores {
 public:
  TrialScores(const AssimilationRun& run, FileDigests& digests)
      : identity_(run.identity(digests, Role::test_only)) {
    std::erase_if(identity_, [&](const auto& setting) {
      return setting.first == "--" + run.options.tuning.option;
    });
    if (run.options.results.out.empty()) return;
    file_ = run.file("tuning.json");
    const std::optional<Stored> stored = read_stored(file_, "points");
    if (!stored || stored->identity != identity_) return;
    for (const Json& p : stored->content["points"]) {
      if (!p.is_array() || p.size() != 4 || !p[0].is_number()) continue;
      const auto value = [&](std::size_t i) {
        return p[i].is_number() ? p[i].get<double>() : infinity;
      };
      scores_[value(0)] = {value(1), value(2), value(3)};
    }
  }

  const Estimate* find(double parameter) const {
    const auto found = scores_.find(parameter);
    return found == scores_.end() ? nullptr : &found->second;
  }
  void add(double parameter, const Estimate& score) {
    scores_[parameter] = score;
    if (file_.empty()) return;
    Json points = Json::array();
    for (const auto& [p, e] : scores_)
      points.push_back(
          {p, json_number(e.value), json_number(e.se_trajectories), json_number(e.se_batches)});
    write_stored(file_, identity_, {{"points", std::move(points)}});
  }

 private:
  RunSettings identity_;
  std::filesystem::path file_;
  std::map<double, Estimate> scores_;
};

Estimate score_of(TuneScore which, const TwinScores& scores) {
  const bool analysis = which == TuneScore::analysis_nrmse || which == TuneScore::analysis_rmse;
  const StateScores& state = analysis ? scores.analysis : scores.background;
  return which == TuneScore::analysis_nrmse || which == TuneScore::background_nrmse
             ? state.nrmse_pooled
             : state.rmse_time_mean;
}

TuningCurve search_curve(const TuningObjective& objective, const Search& search,
                         const SearchOptions& o) {
  const double width = search.high - search.low, points = static_cast<double>(o.points);
  TuningCurve curve;
  if (o.golden) {
    // Two ends and two points between them, then one each that leaves 0.618 of the interval.
    const double shrunk = std::pow(0.6180339887498949, points - 4);
    curve = golden_section(objective, search.low, search.high, width * shrunk * (1 + 1e-9));
  } else {
    std::vector<double> grid;
    for (std::size_t i = 0; i < o.points; ++i) {
      const double p = search.low + width * static_cast<double>(i) / (points - 1);
      grid.push_back(search.whole ? std::round(p) : p);
    }
    curve = grid_search(objective, std::move(grid));
  }
  if (!search.whole) return curve;
  // What was run is the nearest whole number.
  for (TuningPoint& p : curve.points) p.parameter = std::round(p.parameter);
  const auto same = [](const TuningPoint& a, const TuningPoint& b) {
    return a.parameter == b.parameter;
  };
  curve.points.erase(std::unique(curve.points.begin(), curve.points.end(), same),
                     curve.points.end());
  curve.best = std::round(curve.best);
  return curve;
}

void write_curve(const std::filesystem::path& file, const TuningResult& tuning) {
  std::string rows = tuning.option + ",score,score_se\n";
  for (const TuningPoint& p : tuning.curve.points)
    rows += fmt::format("{:.9g},{},{}\n", p.parameter, number_text(p.score.value, "{:.9g}"),
                        number_text(standard_error(p.score), "{:.3g}"));
  write_file_atomically(file, rows);
}

}  // namespace

AssimilationRun with_parameter(const AssimilationRun& run, double value) {
  return run.with(run.options.tuning.option, fmt::format("{}", value));
}

void check_tuning(const AssimilationRun& run, InputFiles& files) {
  const TuningOptions& t = run.options.tuning;
  const Search search = parse_search(run);
  for (const double end : {search.low, search.high}) {
    try {
      build_trial(run, end, files);
      build_twin(with_parameter(run, end).options, files, {run.context.seed});
    } catch (const ArgumentError& error) {
      throw UsageError(
          fmt::format("--tune {} --range {}: {}", t.option, t.search.range, error.what()));
    }
  }
}

TuningResult tune(const AssimilationRun& run, InputFiles& files) {
  const TuningOptions& t = run.options.tuning;
  const Search search = parse_search(run);
  TrialScores known(run, files.digests);
  Progress bar("tune " + t.option, t.search.points, "points", run.context.quiet);
  std::uint64_t done = 0;
  std::string first_failure;
  const auto objective = [&](double parameter) {
    if (search.whole) parameter = std::round(parameter);
    bar.update(done++, fmt::format("{:.6g}", parameter));
    if (const Estimate* score = known.find(parameter)) return *score;
    Twin twin = build_trial(run, parameter, files);
    const RunResult result = *score_twin(twin);
    Estimate score{infinity, infinity, infinity};  // worse than all that did not fail
    if (result.failure.empty())
      score = score_of(t.score, *result.scores);
    else if (first_failure.empty())
      first_failure = result.failure;
    known.add(parameter, score);
    return score;
  };
  TuningResult tuning{t.option, {}};
  try {
    tuning.curve = search_curve(objective, search, t.search);
  } catch (const NumericalError& error) {
    throw NumericalError(fmt::format("--tune {}: {}{}", t.option, error.what(),
                                     first_failure.empty() ? "" : "; the first: " + first_failure));
  } catch (const ArgumentError& error) {
    throw UsageError(
        fmt::format("--tune {} --range {}: {}", t.option, t.search.range, error.what()));
  }
  bar.update(t.search.points);
  bar.finish();
  if (tuning.curve.at_an_end)
    bar.note(fmt::format("the best --{} is {:.6g}, an end of the range: it may lie beyond",
                         t.option, tuning.curve.best));
  if (!run.options.results.out.empty()) write_curve(run.file("tuning.csv"), tuning);
  return tuning;
}

}  // namespace papillon::apps
