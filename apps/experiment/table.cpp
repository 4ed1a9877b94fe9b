#include "papillon/apps/experiment/table.hpp"

#include <algorithm>

namespace papillon::apps {
namespace {

// Characters on the screen: bytes that do not continue one of UTF-8.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string csv_quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '"');
  return "\"" + text + "\"";
}

std::string aligned_lines(const std::vector<std::vector<std::string>>& lines,
                          const std::vector<bool>& left) {
  std::vector<std::size_t> widths(left.size());
  for (const auto& line : lines)
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width(line[c]));
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string space(widths[c] - width(line[c]), ' ');
      text += (c == 0 ? "" : "  ") + (left[c] ? line[c] + space : space + line[c]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

}  // namespace papillon::apps
