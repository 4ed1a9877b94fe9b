#include "papillon/apps/assimilate/spread.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/apps/assimilate/tables.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/tensor/atomic_file.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {

Tensor<double> spread_states(const AssimilateOptions& o, const Climate& climate) {
  const Tensor<double>& pool = *climate.states;
  const std::size_t d = pool.extent(1), count = std::min(o.spread.states, pool.extent(0));
  Tensor<double> states(Shape{count, d});
  for (std::size_t n = 0; n < count; ++n)
    std::copy_n(pool.data() + (n * pool.extent(0) / count) * d, d, states.data() + n * d);
  return states;
}

SourcePointer spread_source(const AssimilateOptions& o, const MethodInputs& inputs, int start_step,
                            std::size_t members) {
  SourceChoice source = o.spread.source;
  std::vector<Option> list;
  source.append_to(list, {});
  bool has_start = false;
  for (Option& option : list) {
    if (option.name == "start-step") {
      option.assign({std::to_string(start_step)});
      has_start |= option.is_used();
    }
    if (option.name == "members" && members > 0) option.assign({std::to_string(members)});
  }
  if (!has_start)
    throw UsageError(fmt::format(
        "--spread: --ensemble {} has no start step; must be one that has, such as diffusion",
        source.name()));
  return source.make(inputs);
}

void check_spread(const AssimilationRun& run, InputFiles& files) {
  const AssimilateOptions& o = run.options;
  if (!o.tuning.option.empty()) throw UsageError("--tune and --spread exclude each other");
  const Dynamics dynamics = build_dynamics(o, read_inputs(o, files), {run.context.seed});
  const ProgramMethodInputs inputs(dynamics, 1, files);
  for (const int step : o.spread.start_steps) {
    const SourcePointer source = spread_source(o, inputs, step);
    if (source->members() < source->dimension() + 2)
      throw UsageError(fmt::format("--spread: {} members; must be {} or more", source->members(),
                                   source->dimension() + 2));
  }
}

RunResult run_spread(const AssimilationRun& run, InputFiles& files) {
  const auto start = Clock::now();
  const AssimilateOptions& o = run.options;
  const Dynamics dynamics = build_dynamics(o, read_inputs(o, files), {run.context.seed});
  const ProgramMethodInputs inputs(dynamics, 1, files);
  const Tensor<double> states = spread_states(o, dynamics.climate);
  std::vector<int> steps = o.spread.start_steps;
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  Progress bar(run.label(), steps.size(), "start steps", run.context.quiet);
  SpreadResult spread{{}, states.extent(0)};
  for (const int step : steps) {
    const SpreadCurve point =
        spread_curve([&](int start_step) { return spread_source(o, inputs, start_step); }, {step},
                     states, dynamics.scale, run.context.seed);
    spread.curve.start_steps.push_back(step);
    spread.curve.statistics.push_back(point.statistics[0]);
    bar.update(spread.curve.start_steps.size());
  }
  bar.finish();
  FinishedRun finished{run, {}};
  RunResult& result = finished.result;
  result.spread = std::move(spread);
  result.inputs = run.digests(files.digests);
  result.seconds = seconds_since(start);
  if (!o.results.out.empty()) {
    write_file_atomically(run.file("spread.csv"), spread_csv({&finished, 1}));
    write_stored(run.file("results.json"), run.identity(files.digests), to_json(finished));
  }
  return result;
}

}  // namespace papillon::apps
