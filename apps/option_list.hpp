// The options of a subcommand, as its structs list them (tensor/options.hpp), on the command line,
// in configuration files, in the environment and in results.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "papillon/apps/settings.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::apps {

// Declares them for parsing and help; those of one name once.
void declare(CLI::App& app, std::span<const Option> options);

// Gives each option the value of the first of the layers that has one; options of one name all get
// it. Throws UsageError, or InputError for a value from a file; both say where it is from.
void assign(std::span<Option> options, std::span<const Settings> layers);

// Throws UsageError for a setting whose options all belong to entries of registries that are not
// chosen: it says which are.
void require_used(std::span<const Option> options, const Settings& given);

// {"batch-size": 1024, ...}: what a configuration file holds, without transient options, those
// that are not used in this run, and those without a value: an empty text, or a default that
// depends on something else.
nlohmann::ordered_json to_json(std::span<const Option> options);
// Whether it is set: an empty text or list is not.
bool has_value(const Option& option);
// The same as an option's value appears in it; null if it has none.
nlohmann::ordered_json to_json(const Option& option);

}  // namespace papillon::apps
