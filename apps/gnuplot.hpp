// A figure as gnuplot draws it: data, a script, and two files.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace papillon::apps {

// Throws InputError that says what to install.
void require_gnuplot();
// Throws that, or OutputError, unless <stem>.png and <stem>.svg can be drawn there; an empty stem
// is a figure that is not wanted.
void require_figure(const std::filesystem::path& stem, const char* option);

struct GnuplotFigure {
  std::map<std::string, std::string> data;  // rows of text: name -> what the script calls $name
  std::string script;                       // without terminal and output
  int width = 1000, height = 700;           // pixels

  // <stem>.png and <stem>.svg. Throws OutputError.
  void draw(const std::filesystem::path& stem) const;
};

}  // namespace papillon::apps
