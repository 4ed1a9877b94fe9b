#include "papillon/nn/run_settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon {
namespace {

// A covariance or a list of files is not something to read in a message.
std::string shortened(const std::string& value) {
  constexpr std::size_t most = 60;
  if (value.empty()) return "not set";
  return value.size() <= most ? value : value.substr(0, most) + "...";
}

}  // namespace

std::string to_text(const RunSettings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    const std::size_t begin = text.size();
    text.append(name).append("=").append(value);
    std::replace(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '\n', ' ');
    text += '\n';
  }
  return text;
}

RunSettings parse_run_settings(std::string_view text) {
  RunSettings settings;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
      settings.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return settings;
}

std::vector<SettingDifference> differences(const RunSettings& stored, const RunSettings& given) {
  const auto value = [](const RunSettings& settings, const std::string& name) {
    const auto found = std::find_if(settings.begin(), settings.end(),
                                    [&](const auto& setting) { return setting.first == name; });
    return found == settings.end() ? std::string() : found->second;
  };
  std::vector<SettingDifference> all;
  for (const auto& [name, here] : given)
    if (std::string there = value(stored, name); there != here)
      all.push_back({name, std::move(there), here});
  for (const auto& s : stored)
    if (!s.second.empty() &&
        std::none_of(given.begin(), given.end(), [&](const auto& g) { return g.first == s.first; }))
      all.push_back({s.first, s.second, ""});
  return all;
}

std::string describe(const std::vector<SettingDifference>& differences) {
  if (differences.empty()) return "no setting differs";
  const SettingDifference& first = differences.front();
  std::string text = fmt::format("{} {} there, {} here", first.name, shortened(first.stored),
                                 shortened(first.given));
  if (differences.size() == 1) return text;
  text += fmt::format(" (and {} more:", differences.size() - 1);
  constexpr std::size_t most = 5;
  for (std::size_t i = 1; i < std::min(differences.size(), most + 1); ++i)
    text += (i > 1 ? ", " : " ") + differences[i].name;
  return text + (differences.size() > most + 1 ? ", ...)" : ")");
}

SettingsMismatch::SettingsMismatch(std::string at, std::vector<SettingDifference> differ)
    : InputError(fmt::format("{}: belongs to a run with other settings or data: {}", at,
                             describe(differ))),
      file(std::move(at)),
      differing(std::move(differ)) {}

void require_same(const std::string& file, std::string_view stored, const RunSettings& given) {
  const RunSettings there = parse_run_settings(stored);
  if (there.empty())
    throw InputError(fmt::format(
        "{}: does not say of what settings it is, or another version wrote it; it cannot be "
        "continued",
        file));
  if (auto differ = differences(there, parse_run_settings(to_text(given))); !differ.empty())
    throw SettingsMismatch(file, std::move(differ));
}

}  // namespace papillon
