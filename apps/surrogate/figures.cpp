// nRMSE over lead time, and over what a scaling changes, on logarithmic axes.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/surrogate/results.hpp"

namespace papillon::apps {
namespace {

constexpr std::array<const char*, 16> colours = {
    "#0b4b94", "#d1495b", "#2a9d6f", "#e08e1b", "#7b4fa3", "#3aa6c9", "#8a5a2b", "#c2529b",
    "#5f6b2d", "#6d6d6d", "#000000", "#9ccc3c", "#f4a6b0", "#1f7a7a", "#b8860b", "#a6a6e8"};

constexpr const char* error_style =
    "set border 3 lc rgb '#555555'\n"
    "set tics out nomirror textcolor rgb '#333333'\n"
    "set grid xtics ytics lc rgb '#e4e4e4'\n"
    "set key outside right center reverse Left samplen 2 spacing 1.15 noenhanced\n"
    "set lmargin 10\n"
    "set logscale y\n"
    "set format y '10^{%L}'\n";

// One colour a model; its other lambdas take the same in another dash.
struct Line {
  std::size_t colour;
  int dash;
};
std::vector<Line> lines_of(const Json& results) {
  std::vector<Line> lines;
  std::vector<std::string> models;
  for (const auto& [name, entry] : results.items()) {
    const std::string model = name.substr(0, name.find('@'));
    std::size_t colour = 0;
    while (colour < models.size() && models[colour] != model) ++colour;
    int dash = 1;
    if (colour == models.size()) {
      models.push_back(model);
    } else {
      for (const Line& line : lines)
        if (line.colour == colour % colours.size()) ++dash;
    }
    lines.push_back({colour % colours.size(), std::min(dash, 5)});
  }
  return lines;
}

// Of the data $line0, $line1, ...
std::string plot(const Json& results, bool points) {
  const std::vector<Line> lines = lines_of(results);
  std::string text = "plot ";
  std::size_t i = 0;
  for (const auto& [name, entry] : results.items()) {
    text +=
        fmt::format("{}$line{} using 1:2 with {} lw 2 lc rgb '{}' dt {}{} title '{}'",
                    i == 0 ? "" : ", \\\n", i, points ? "linespoints" : "lines",
                    colours[lines[i].colour], lines[i].dash, points ? " pt 7 ps 0.5" : "", name);
    ++i;
  }
  return text + "\n";
}

}  // namespace

void draw_leads(const std::filesystem::path& stem, const Json& results) {
  GnuplotFigure figure;
  figure.width = 1150;
  std::size_t i = 0;
  for (const auto& [name, entry] : results.items()) {
    std::string rows;
    for (std::size_t l = 0; l < entry["lead"].size(); ++l)
      rows +=
          fmt::format("{} {}\n", entry["lead"][l].get<double>() * entry["time_step"].get<double>(),
                      number_of(entry["nrmse"][l]));
    figure.data[fmt::format("line{}", i++)] = rows;
  }
  figure.script = std::string(error_style) + "set xlabel 'lead time (time units of the system)'\n" +
                  "set ylabel 'nRMSE'\nset yrange [:3]\n" + plot(results, false);
  figure.draw(stem);
}

void draw_scaling(const std::filesystem::path& stem, const std::string& axis, const Json& results) {
  GnuplotFigure figure;
  figure.width = 1150;
  std::size_t i = 0;
  for (const auto& [name, entry] : results.items()) {
    std::string rows;
    for (std::size_t v = 0; v < entry["values"].size(); ++v)
      if (entry["values"][v].get<double>() > 0)
        rows += fmt::format("{} {}\n", entry["values"][v].get<double>(),
                            number_of(entry["nrmse"][v][0]));
    figure.data[fmt::format("line{}", i++)] = rows;
  }
  const std::string label = axis == "samples"      ? "training samples"
                            : axis == "corruption" ? "standard deviation of the noise on targets "
                                                     "(normalised units)"
                                                   : "lead of one step (steps of the trajectory)";
  figure.script = std::string(error_style) + "set logscale x" +
                  (axis == "samples" ? " 2\nset format x '2^{%L}'\n" : "\n") + "set xlabel '" +
                  label + "'\nset ylabel 'nRMSE after one step'\nset yrange [:3]\n" +
                  plot(results, true);
  figure.draw(stem);
}

}  // namespace papillon::apps
