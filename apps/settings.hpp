// Where option values come from: defaults < preset < file (TOML) < environment < flags.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace papillon::apps {

struct Setting {
  std::vector<std::string> values;
  std::string origin;      // "run.toml:12: batch", for messages
  bool from_file = false;  // a bad value is then bad input, not bad usage
};
using Settings = std::map<std::string, Setting>;  // by the option's long name, without dashes

// The settings of a file that concern the command: keys of its own table [command], and common
// options at the top. Keys are long names of options, with - or _. Every key of the file must be an
// option of its command; throws InputError that names file and line.
// runs: of the [[command.run]] tables, one each, for a command that has the option --run.
Settings read_settings(const std::filesystem::path& path, const CLI::App& program,
                       const std::string& command, std::vector<Settings>& runs);
// What the command line gave.
Settings given_settings(const CLI::App& command);
// PAPILLON_BATCH_SIZE for --batch-size, and so on; empty ones count as not set.
Settings environment_settings(const CLI::App& command);
}  // namespace papillon::apps
