// What a run depends on, as names and values: kept in its checkpoint and compared when somebody
// goes on with it, so that a message can say which setting differs and what it was.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "papillon/tensor/errors.hpp"

namespace papillon {

// In order of importance: the first that differs is what messages are about. Numbers are written so
// that equal texts mean equal bits (the shortest decimal form that reads back as the same number).
using RunSettings = std::vector<std::pair<std::string, std::string>>;

// One "name=value" a line.
std::string to_text(const RunSettings& settings);
// Lines without '=' are passed over.
RunSettings parse_run_settings(std::string_view text);

struct SettingDifference {
  std::string name, stored, given;  // empty: the setting is not there
};
// In the order of the given ones; those that only the stored ones have are last.
std::vector<SettingDifference> differences(const RunSettings& stored, const RunSettings& given);
// "learning_rate 0.0003 there, 0.001 here (and 2 more: seed, data)"; long values are cut.
std::string describe(const std::vector<SettingDifference>& differences);

// A checkpoint of a run with other settings. There is at least one difference.
struct SettingsMismatch : InputError {
  SettingsMismatch(std::string at, std::vector<SettingDifference> differing);
  std::string file;
  std::vector<SettingDifference> differing;
};
// Throws SettingsMismatch unless the text, as to_text() wrote it into the file, says the same.
void require_same(const std::string& file, std::string_view stored, const RunSettings& given);

}  // namespace papillon
