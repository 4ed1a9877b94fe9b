// Messages for people, all on stderr: a progress bar on a terminal, a line every few seconds
// elsewhere, nothing with --quiet.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace papillon::apps {

// To stderr. A reader that went away or a full disk takes nothing from the work or its exit code.
template <class... Args>
void print_message(fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);

// "3 h 12 min", "4 min 05 s", "12 s".
std::string format_duration(double seconds);
// 12,345,678
std::string format_count(std::uint64_t count);
// 1.23 M, 456 k
std::string format_rate(double per_second);
// Whether stderr takes colours: it is a terminal and NO_COLOR is not set.
bool colours();

class Progress {
 public:
  // total: how many items there are; done: with how many of them it starts (a resumed run).
  Progress(std::string label, std::uint64_t total, std::string unit, bool quiet,
           std::uint64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // detail: what else to show ("loss 0.123"); drawn only when it is time to.
  void update(std::uint64_t done, std::string_view detail = {});
  // A line of its own that stays (above the bar).
  void note(std::string_view line);
  void finish();
  double rate() const;          // items a second since the start
  double seconds_left() const;  // at that rate

 private:
  void draw(bool last);

  std::string label_;
  std::uint64_t total_;
  std::string unit_;
  bool quiet_;
  bool terminal_;
  bool finished_ = false;
  std::uint64_t first_;
  std::uint64_t done_;
  std::string detail_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_;
};

}  // namespace papillon::apps
