#include "papillon/apps/assimilate/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/assimilate/world.hpp"
#include "papillon/apps/gnuplot.hpp"

namespace papillon::apps {
namespace {

// Colours that differ in lightness, too (after Okabe and Ito).
constexpr const char* colours_of_lines[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                            "#56b4e9", "#e69f00", "#000000", "#7f7f7f"};

constexpr const char* run_style =
    "set style line 100 lc rgb '#555555'\n"
    "set border 3 ls 100 lw 0.8\n"
    "set tics out nomirror scale 0.6 textcolor rgb '#333333'\n"
    "set grid lc rgb '#dddddd' lw 0.5\n"
    "set datafile missing 'nan'\n";

std::string text_of(const Json& value) {
  return value.is_number() ? value.dump() : "nan";
}

// Lines of a plot: the data ($line0, ...) and column of each, with errors in the column after it.
std::string lines(const std::vector<std::string>& names, int column, bool errors) {
  std::string plot = "plot ";
  for (std::size_t i = 0; i < names.size(); ++i)
    plot += fmt::format("{}$line{} using 1:{}{} with {} lc rgb '{}' lw 1.8 pt {} ps 0.8 title '{}'",
                        i ? ", " : "", i, column, errors ? fmt::format(":{}", column + 1) : "",
                        errors ? "yerrorlines" : "linespoints",
                        colours_of_lines[i % std::size(colours_of_lines)], i % 2 ? 5 : 7, names[i]);
  return plot + "\n";
}

void draw_intervals(const std::string& stem, const std::vector<Json>& done) {
  std::vector<std::string> names;
  std::map<std::string, std::map<double, std::string>> series;
  for (const Json& run : done) {
    const std::string name = run["config"]["series"];
    const Json& results = run["results"];
    if (name.empty() || !results.contains("analysis")) continue;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    const double interval = run["config"]["interval"];
    std::string line = fmt::format("{}", interval);
    for (const char* state : {"analysis", "background"})
      line += fmt::format(" {} {}", text_of(results[state]["nrmse_pooled"]),
                          text_of(results[state]["nrmse_pooled_se"]));
    series[name][interval] = line + "\n";
  }
  if (names.empty()) return;
  GnuplotFigure figure;
  figure.width = 1200;
  figure.height = 520;
  for (std::size_t i = 0; i < names.size(); ++i)
    for (const auto& [interval, line] : series[names[i]])
      figure.data[fmt::format("line{}", i)] += line;
  figure.script = fmt::format(
      "{}set multiplot layout 1,2\nset key top left reverse Left samplen 2\nset yrange [0:*]\n"
      "set xrange [0:*]\nset xlabel 'model steps between observations'\n"
      "set title 'Analysis'\nset ylabel 'nRMSE (pooled)'\n{}unset key\n"
      "set title 'Background'\n{}unset multiplot\n",
      run_style, lines(names, 2, true), lines(names, 4, true));
  figure.draw(stem + "-interval");
}

void draw_spreads(const std::string& stem, const std::vector<Json>& done) {
  std::vector<std::string> names;
  GnuplotFigure figure;
  for (const Json& run : done) {
    const Json& results = run["results"];
    if (!results.contains("start_steps")) continue;
    std::string& data = figure.data[fmt::format("line{}", names.size())];
    for (std::size_t i = 0; i < results["start_steps"].size(); ++i)
      data +=
          fmt::format("{} {} {}\n", results["start_steps"][i].dump(), text_of(results["spread"][i]),
                      text_of(results["rejected_by_kurtosis"][i]));
    const std::string series = run["config"]["series"];
    names.push_back(series.empty() ? run["name"].get<std::string>() : series);
  }
  if (names.empty()) return;
  figure.width = 1200;
  figure.height = 520;
  figure.script = fmt::format(
      "{}set multiplot layout 1,2\nset key top left reverse Left samplen 2\nset yrange [0:*]\n"
      "set xrange [0:*]\nset xlabel 'start step'\nset title 'Spread of the generated ensemble'\n"
      "set ylabel 'standard deviation (normalised, pooled)'\n{}unset key\n"
      "set title 'Not Gaussian by its kurtosis (test at 5 %)'\nset ylabel 'share of ensembles'\n"
      "set yrange [0:1]\n{}unset multiplot\n",
      run_style, lines(names, 2, false), lines(names, 3, false));
  figure.draw(stem + "-spread");
}

std::string points(const double* rows, std::size_t count) {
  std::string text;
  for (std::size_t n = 0; n < count; ++n)
    text += fmt::format("{:.5g} {:.5g}\n", rows[3 * n], rows[3 * n + 2]);
  return text;
}

void draw_ensembles(const std::string& stem, const std::vector<ParsedRun>& runs, Inputs& inputs) {
  const auto found = std::find_if(runs.begin(), runs.end(), [](const ParsedRun& r) {
    return r.selected && !r.options.spread.empty() && r.options.system == "lorenz63" &&
           r.options.ensemble == "diffusion";
  });
  if (found == runs.end()) return;
  AssimilateOptions o = found->options;
  const World world = make_world(o, inputs, {found->context.seed});
  const Tensor<double>& pool = *world.climate.pool;
  GnuplotFigure figure;
  figure.width = 1200;
  figure.height = 1000;
  figure.data["attractor"] = points(pool.data(), std::min<std::size_t>(pool.extent(0), 30000));
  const Tensor<double> all = spread_states(o, world);
  const std::size_t chosen = all.extent(0) / 3;
  const Tensor<double> state(Shape{1, 3}, all.span().subspan(3 * chosen, 3));
  figure.data["state"] = points(state.data(), 1);
  figure.script = fmt::format(
      "{}set multiplot layout 2,2\nunset key\nset xrange [-22:22]\nset yrange [0:52]\n"
      "set xlabel 'x (dimensionless)'\nset ylabel 'z (dimensionless)'\n",
      run_style);
  const std::size_t n = o.spread.size(), wanted[] = {0, n / 10, n / 4, n / 2};
  std::size_t panel = 0;
  for (const std::size_t i : wanted) {
    o.start_step = o.spread[i];
    const RandomAddress address{found->context.seed, chosen, 0, Experiment::spread};
    const Tensor<double> ensemble =
        make_source(o, world, inputs, 500)->generate(state, {&address, 1});
    const std::string members = fmt::format("members{}", panel++);
    figure.data[members] = points(ensemble.data(), 500);
    figure.script += fmt::format(
        "set title 'start step {}'\n"
        "plot $attractor with dots lc rgb '#b8c4d0', "
        "${} with points pt 7 ps 0.35 lc rgb '#d55e00', "
        "$state with points pt 2 ps 1.6 lw 2.5 lc rgb '#000000'\n",
        o.start_step, members);
  }
  figure.script += "unset multiplot\n";
  figure.draw(stem + "-ensembles");
}

}  // namespace

void require_drawable(const std::vector<ParsedRun>& runs) {
  if (std::none_of(runs.begin(), runs.end(), [](const ParsedRun& run) {
        return !run.options.series.empty() || !run.options.spread.empty();
      }))
    throw UsageError("--figure: there is nothing to draw (a run needs a --series, or --spread)");
}

void draw_comparison(const std::string& stem, const std::vector<Json>& done,
                     const std::vector<ParsedRun>& runs, Inputs& inputs) {
  draw_intervals(stem, done);
  draw_spreads(stem, done);
  draw_ensembles(stem, runs, inputs);
}

}  // namespace papillon::apps
