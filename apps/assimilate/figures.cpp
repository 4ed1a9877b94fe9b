#include "papillon/apps/assimilate/figures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/experiment/line_figure.hpp"

namespace papillon::apps {
namespace {

void draw_intervals(const std::string& stem, std::span<const FinishedRun> runs) {
  LineFigure lines;
  for (const FinishedRun& run : runs) {
    const std::string& series = run.run.options.results.series;
    if (series.empty() || !run.result.scores) continue;
    const Measured analysis = measured(run.result.scores->analysis.nrmse_pooled),
                   background = measured(run.result.scores->background.nrmse_pooled);
    lines.add(series, static_cast<double>(run.run.options.observations.interval),
              {analysis.value, analysis.error, background.value, background.error});
  }
  if (lines.empty()) return;
  GnuplotFigure figure = lines.figure(1200, 520);
  figure.script = fmt::format(
      "{}set multiplot layout 1,2\nset key top left reverse Left samplen 2\nset yrange [0:*]\n"
      "set xrange [0:*]\nset xlabel 'model steps between observations'\n"
      "set title 'Analysis'\nset ylabel 'nRMSE (pooled)'\n{}unset key\n"
      "set title 'Background'\n{}unset multiplot\n",
      figure_style, lines.plot(2, true), lines.plot(4, true));
  figure.draw(stem + "-interval");
}

void draw_spreads(const std::string& stem, std::span<const FinishedRun> runs) {
  LineFigure lines;
  for (const FinishedRun& run : runs) {
    if (!run.result.spread) continue;
    const std::string& series = run.run.options.results.series;
    const SpreadCurve& curve = run.result.spread->curve;
    for (std::size_t i = 0; i < curve.start_steps.size(); ++i)
      lines.add(series.empty() ? run.run.label() : series, curve.start_steps[i],
                {curve.statistics[i].spread_pooled, curve.statistics[i].rejected_by_kurtosis});
  }
  if (lines.empty()) return;
  GnuplotFigure figure = lines.figure(1200, 520);
  figure.script = fmt::format(
      "{}set multiplot layout 1,2\nset key top left reverse Left samplen 2\nset yrange [0:*]\n"
      "set xrange [0:*]\nset xlabel 'start step'\nset title 'Spread of the generated ensemble'\n"
      "set ylabel 'standard deviation (normalised, pooled)'\n{}unset key\n"
      "set title 'Not Gaussian by its kurtosis (test at 5 %)'\nset ylabel 'share of ensembles'\n"
      "set yrange [0:1]\n{}unset multiplot\n",
      figure_style, lines.plot(2, false), lines.plot(3, false));
  figure.draw(stem + "-spread");
}

std::string points(const double* rows, std::size_t count) {
  std::string text;
  for (std::size_t n = 0; n < count; ++n)
    text += fmt::format("{:.5g} {:.5g}\n", rows[3 * n], rows[3 * n + 2]);
  return text;
}

void draw_ensembles(const std::string& stem, std::span<const AssimilationRun> runs,
                    InputFiles& files) {
  const auto found = std::find_if(runs.begin(), runs.end(), [](const AssimilationRun& r) {
    return r.selected && r.options.spread.is_asked_for() &&
           r.options.dynamics.system.name() == "lorenz63" &&
           r.options.spread.source.name() == "diffusion";
  });
  if (found == runs.end()) return;
  const AssimilateOptions& o = found->options;
  const Dynamics dynamics = build_dynamics(o, read_inputs(o, files), {found->context.seed});
  const ProgramMethodInputs inputs(dynamics, 1, files);
  const Tensor<double>& pool = *dynamics.climate.states;
  GnuplotFigure figure;
  figure.width = 1200;
  figure.height = 1000;
  figure.data["attractor"] = points(pool.data(), std::min<std::size_t>(pool.extent(0), 30000));
  const Tensor<double> all = spread_states(o, dynamics.climate);
  const std::size_t chosen = all.extent(0) / 3;
  const Tensor<double> state(Shape{1, 3}, all.span().subspan(3 * chosen, 3));
  figure.data["state"] = points(state.data(), 1);
  figure.script = fmt::format(
      "{}set multiplot layout 2,2\nunset key\nset xrange [-22:22]\nset yrange [0:52]\n"
      "set xlabel 'x (dimensionless)'\nset ylabel 'z (dimensionless)'\n",
      figure_style);
  const std::vector<int>& steps = o.spread.start_steps;
  const std::size_t n = steps.size();
  std::size_t panel = 0;
  for (const std::size_t i : {std::size_t{0}, n / 10, n / 4, n / 2}) {
    const RandomAddress address{found->context.seed, chosen, 0, Experiment::spread};
    const Tensor<double> ensemble =
        spread_source(o, inputs, steps[i], 500)->generate(state, {&address, 1});
    const std::string members = fmt::format("members{}", panel++);
    figure.data[members] = points(ensemble.data(), 500);
    figure.script += fmt::format(
        "set title 'start step {}'\n"
        "plot $attractor with dots lc rgb '#b8c4d0', "
        "${} with points pt 7 ps 0.35 lc rgb '#d55e00', "
        "$state with points pt 2 ps 1.6 lw 2.5 lc rgb '#000000'\n",
        steps[i], members);
  }
  figure.script += "unset multiplot\n";
  figure.draw(stem + "-ensembles");
}

}  // namespace

void require_drawable(std::span<const AssimilationRun> runs) {
  if (std::none_of(runs.begin(), runs.end(), [](const AssimilationRun& run) {
        return !run.options.results.series.empty() || run.options.spread.is_asked_for();
      }))
    throw UsageError("--figure: there is nothing to draw (a run needs a --series, or --spread)");
}

void draw_comparison(const std::string& stem, std::span<const FinishedRun> finished,
                     std::span<const AssimilationRun> runs, InputFiles& files) {
  draw_intervals(stem, finished);
  draw_spreads(stem, finished);
  draw_ensembles(stem, runs, files);
}

}  // namespace papillon::apps
