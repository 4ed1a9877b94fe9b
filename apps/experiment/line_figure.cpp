#include "papillon/apps/experiment/line_figure.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace papillon::apps {
namespace {

// Colours that differ in lightness, too (after Okabe and Ito).
constexpr const char* line_colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                        "#56b4e9", "#e69f00", "#000000", "#7f7f7f"};

}  // namespace

const char* const figure_style =
    "set style line 100 lc rgb '#555555'\n"
    "set border 3 ls 100 lw 0.8\n"
    "set tics out nomirror scale 0.6 textcolor rgb '#333333'\n"
    "set grid lc rgb '#dddddd' lw 0.5\n"
    "set datafile missing 'nan'\n";

void LineFigure::add(const std::string& series, double x, const std::vector<double>& columns) {
  if (rows_.count(series) == 0) names_.push_back(series);
  std::string row = fmt::format("{}", x);
  for (const double y : columns) row += std::isfinite(y) ? fmt::format(" {}", y) : " nan";
  rows_[series][x] = row + "\n";
}

std::string LineFigure::plot(int column, bool errors) const {
  std::string plot = "plot ";
  for (std::size_t i = 0; i < names_.size(); ++i)
    plot += fmt::format("{}$line{} using 1:{}{} with {} lc rgb '{}' lw 1.8 pt {} ps 0.8 title '{}'",
                        i ? ", " : "", i, column, errors ? fmt::format(":{}", column + 1) : "",
                        errors ? "yerrorlines" : "linespoints",
                        line_colours[i % std::size(line_colours)], i % 2 ? 5 : 7, names_[i]);
  return plot + "\n";
}

GnuplotFigure LineFigure::figure(int width, int height) const {
  GnuplotFigure figure;
  figure.width = width;
  figure.height = height;
  for (std::size_t i = 0; i < names_.size(); ++i)
    for (const auto& [x, row] : rows_.at(names_[i])) figure.data[fmt::format("line{}", i)] += row;
  return figure;
}

}  // namespace papillon::apps
