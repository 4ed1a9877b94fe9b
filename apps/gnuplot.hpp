// gnuplot, which draws the figures, at run time.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace papillon::apps {

// Throws InputError that says what to install.
void require_gnuplot();

// A directory for gnuplot's input that goes away again.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Makes <stem>.svg and <stem>.png, width x height pixels, each from the text that script returns;
// it begins with head, which sets terminal and output. Throws OutputError.
void draw_figure(const std::filesystem::path& stem, int width, int height,
                 const std::function<std::string(const std::string& head)>& script);

}  // namespace papillon::apps
