#include "papillon/apps/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace papillon::apps {
namespace {

constexpr auto bar_interval = std::chrono::milliseconds(100);
constexpr auto line_interval = std::chrono::seconds(5);
constexpr int bar_width = 24;

}  // namespace

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string format_duration(double seconds) {
  if (!(seconds < 1e7)) return "?";
  const auto s = static_cast<long>(std::lround(std::max(seconds, 0.0)));
  if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  return digits;
}

std::string format_rate(double per_second) {
  if (per_second >= 1e9) return fmt::format("{:.2f} G", per_second / 1e9);
  if (per_second >= 1e6) return fmt::format("{:.2f} M", per_second / 1e6);
  if (per_second >= 1e3) return fmt::format("{:.1f} k", per_second / 1e3);
  return fmt::format("{:.1f} ", per_second);
}

bool colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && (no_color == nullptr || *no_color == '\0');
}

Progress::Progress(std::string label, std::uint64_t total, std::string unit, bool quiet,
                   std::uint64_t done)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO)),
      first_(done),
      done_(done),
      drawn_(Clock::now() - (terminal_ ? Clock::duration(bar_interval) : Clock::duration::zero())) {
}

Progress::~Progress() {
  if (!finished_ && terminal_ && !quiet_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::uint64_t done, std::string_view detail) {
  done_ = done;
  if (quiet_) return;
  const auto now = Clock::now();
  if (now - drawn_ < (terminal_ ? Clock::duration(bar_interval) : Clock::duration(line_interval)))
    return;
  drawn_ = now;
  detail_ = detail;
  draw(false);
}

void Progress::note(std::string_view line) {
  if (quiet_) return;
  print_message("{}{}\n", terminal_ ? "\r\033[K" : "", line);
}

void Progress::finish() {
  if (!quiet_ && !finished_) draw(true);
  finished_ = true;
}

double Progress::rate() const {
  const double seconds = seconds_since(start_);
  return seconds > 0 ? static_cast<double>(done_ - first_) / seconds : 0;
}

double Progress::seconds_left() const {
  return static_cast<double>(total_ - std::min(done_, total_)) / rate();
}

void Progress::draw(bool last) {
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 1.0;
  const double seconds = seconds_since(start_);
  std::string line = fmt::format("{} ", label_);
  if (terminal_) {
    const int filled = static_cast<int>(share * bar_width);
    line += colours() ? "\033[36m" : "";
    for (int i = 0; i < bar_width; ++i) line += i < filled ? "█" : "░";
    line += colours() ? "\033[0m" : "";
    line += ' ';
  }
  line += fmt::format("{:3.0f} %", 100 * share);
  if (!detail_.empty()) line += "  " + detail_;
  line += fmt::format("  {}{}/s", format_rate(rate()), unit_);
  line += last ? fmt::format("  in {}", format_duration(seconds))
               : fmt::format("  {} left", format_duration(seconds_left()));
  print_message("{}{}{}", terminal_ ? "\r\033[K" : "", line, terminal_ && !last ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace papillon::apps
