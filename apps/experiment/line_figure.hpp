// A figure of lines: scores over a parameter, one line for each series.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "papillon/apps/gnuplot.hpp"

namespace papillon::apps {

// Begins a script: axes, grid and missing values.
extern const char* const figure_style;

// Series in the order in which they were added first; of each the rows of numbers by their first.
class LineFigure {
 public:
  void add(const std::string& series, double x, const std::vector<double>& columns);
  bool empty() const { return names_.empty(); }
  // The plot command: column (from 2) over the first, with error bars from the next column.
  std::string plot(int column, bool errors) const;
  // With the data of all series as $line0, $line1, ...
  GnuplotFigure figure(int width, int height) const;

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::map<double, std::string>> rows_;
};

}  // namespace papillon::apps
