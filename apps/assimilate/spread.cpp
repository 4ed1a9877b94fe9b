#include "papillon/apps/assimilate/spread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/lorenz/assimilation/ensemble_statistics.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr const char* columns[] = {
    "start_steps",         "spread",   "shift",       "skewness",
    "skewness_se",         "kurtosis", "kurtosis_se", "rejected_by_skewness",
    "rejected_by_kurtosis"};

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

}  // namespace

Tensor<double> spread_states(const AssimilateOptions& o, const World& world) {
  const Tensor<double>& pool = *world.climate.pool;
  const std::size_t d = pool.extent(1), count = std::min(o.spread_states, pool.extent(0));
  Tensor<double> states(Shape{count, d});
  for (std::size_t n = 0; n < count; ++n)
    std::copy_n(pool.data() + (n * pool.extent(0) / count) * d, d, states.data() + n * d);
  return states;
}

void check_spread(const ParsedRun& run, Inputs& inputs) {
  const AssimilateOptions& o = run.options;
  if (o.ensemble != "diffusion" && o.ensemble != "posterior")
    throw UsageError("--spread is for --ensemble diffusion and posterior: only those have a start");
  if (o.members < o.state_dimension() + 2)
    throw UsageError(fmt::format("--spread: {} members; {} or more are needed", o.members,
                                 o.state_dimension() + 2));
  const World world = make_world(o, inputs, {run.context.seed});
  for (const int step : o.spread) {
    AssimilateOptions with = o;
    with.start_step = step;
    make_source(with, world, inputs, o.members);
  }
}

Json run_spread(const ParsedRun& run, Inputs& inputs) {
  const AssimilateOptions& o = run.options;
  const World world = make_world(o, inputs, {run.context.seed});
  const Tensor<double> states = spread_states(o, world);
  std::vector<int> steps = o.spread;
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  Progress bar(o.name.empty() ? "spread" : o.name, steps.size(), "start steps", run.context.quiet);
  SpreadCurve curve;
  for (const int step : steps) {
    const auto source = [&](int start) {
      AssimilateOptions with = o;
      with.start_step = start;
      return make_source(with, world, inputs, o.members);
    };
    SpreadCurve one = spread_curve(source, {step}, states, world.scale, run.context.seed);
    curve.start_steps.push_back(step);
    curve.statistics.push_back(std::move(one.statistics[0]));
    bar.update(curve.start_steps.size());
  }
  bar.finish();

  Json results = Json::object();
  for (const char* name : columns) results[name] = Json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const EnsembleStatistics& s = curve.statistics[i];
    const double values[] = {static_cast<double>(steps[i]),
                             s.spread_pooled,
                             s.shift_pooled,
                             s.skewness,
                             s.skewness_se,
                             s.kurtosis,
                             s.kurtosis_se,
                             s.rejected_by_skewness,
                             s.rejected_by_kurtosis};
    results["start_steps"].push_back(steps[i]);
    for (std::size_t c = 1; c < std::size(columns); ++c)
      results[columns[c]].push_back(json_number(values[c]));
  }
  results["calibration"] = calibration(curve);
  results["states"] = states.extent(0);
  results["inputs"] = input_digests(o, inputs);
  if (!o.out.empty()) {
    const std::filesystem::path directory(o.out);
    const Json stored = {{"name", o.name}, {"config", run.context.settings}, {"results", results}};
    write_file_atomically(directory / "spread.csv", csv_of_spread({stored}));
    write_file_atomically(directory / "results.json", stored.dump(2) + "\n");
  }
  return results;
}

std::string csv_of_spread(const std::vector<Json>& runs) {
  std::string text = "name,ensemble,members";
  for (const char* name : columns) text += fmt::format(",{}", name);
  text += "\n";
  for (const Json& run : runs) {
    const Json& results = run["results"];
    for (std::size_t i = 0; i < results["start_steps"].size(); ++i) {
      text += fmt::format("\"{}\",{},{}", run["name"].get<std::string>(),
                          run["config"]["ensemble"].get<std::string>(),
                          run["config"]["members"].dump());
      for (const char* name : columns)
        text += fmt::format(",{}", number_text(results[name][i], "{}"));
      text += "\n";
    }
  }
  return text;
}

void print_spread(const Json& run) {
  const std::string name = run["name"];
  if (!name.empty()) fmt::print("\n{}\n", name);
  fmt::print("{:>10}{:>10}{:>10}{:>18}{:>18}{:>22}\n", "start step", "spread", "shift",
             "excess skewness", "excess kurtosis", "found not Gaussian");
  const Json& results = run["results"];
  for (std::size_t i = 0; i < results["start_steps"].size(); ++i) {
    const auto value = [&](const char* column, const char* format, double factor = 1) {
      return number_text(factor * number_of(results[column][i]), format);
    };
    fmt::print(
        "{:>10}{:>10}{:>10}{:>18}{:>18}{:>10} % {:>7} %\n", results["start_steps"][i].get<int>(),
        value("spread", "{:.4f}"), value("shift", "{:.4f}"),
        with_error(value("skewness", "{:.3f}"), value("skewness_se", "{:.3f}")),
        with_error(value("kurtosis", "{:.3f}"), value("kurtosis_se", "{:.3f}")),
        value("rejected_by_skewness", "{:.1f}", 100), value("rejected_by_kurtosis", "{:.1f}", 100));
  }
}

}  // namespace papillon::apps
