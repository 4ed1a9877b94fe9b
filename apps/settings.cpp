#include "papillon/apps/settings.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "papillon/apps/command.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> common_options = {"seed", "threads", "json", "quiet"};

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string() : option.get_lnames().front();
}

std::string scalar(const toml::node& node, const std::string& origin) {
  if (const auto* s = node.as_string()) return s->get();
  if (const auto* i = node.as_integer()) return std::to_string(i->get());
  if (const auto* f = node.as_floating_point()) {
    if (std::isfinite(f->get())) return fmt::format("{}", f->get());
    throw InputError(origin + " is not finite, or beyond the range of double precision");
  }
  if (const auto* b = node.as_boolean()) return b->get() ? "true" : "false";
  throw InputError(origin + " must be a string, a number, true or false, or a list of them");
}

const CLI::App* find_command(const CLI::App& program, const std::string& name) {
  const auto matches = [&](const CLI::App* app) { return app->get_name() == name; };
  const auto found = program.get_subcommands(matches);
  return found.empty() ? nullptr : found.front();
}

bool is_option(const CLI::App& command, const std::string& name) {
  return name != "help" && name != "config" && command.get_option_no_throw("--" + name) != nullptr;
}

Setting make_setting(const toml::node& node, const std::string& origin) {
  Setting setting{{}, origin, true};
  if (const auto* array = node.as_array()) {
    for (const toml::node& element : *array) setting.values.push_back(scalar(element, origin));
  } else {
    setting.values.push_back(scalar(node, origin));
  }
  return setting;
}

toml::table parse_file(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw InputError(fmt::format("{}: {}", path.string(),
                                 fs::is_directory(path) ? "is a folder; must be a TOML file"
                                 : fs::exists(path)     ? "is a device or pipe; must be a TOML file"
                                                        : "no such file; must be a TOML file"));
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    throw InputError(fmt::format("{}: cannot read this configuration file", path.string()));
  try {
    return toml::parse(text.str(), path.string());
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}: not TOML: {}", path.string(), error.source().begin.line,
                                 error.description()));
  }
}

// Takes what concerns one command, and checks the rest.
struct SettingsReader {
  const std::string path;
  const CLI::App& program;
  const std::string& command;

  std::string origin(const std::string& key, const toml::node& node) const {
    return fmt::format("{}:{}: {}", path, node.source().begin.line, key);
  }
  // section: the command of the table that the key is in; empty: at the top.
  void take(const std::string& section, std::string key, const toml::node& node,
            Settings& into) const {
    std::replace(key.begin(), key.end(), '_', '-');
    const std::string where = origin(key, node);
    if (section.empty() && common_options.count(key) == 0)
      throw InputError(
          fmt::format("{}: unknown here (seed, threads, json, quiet, or a table such as [{}])",
                      where, command));
    if (!section.empty() && !is_option(*find_command(program, section), key))
      throw InputError(fmt::format("{}: '{}' has no such option (see papillon {} --help)", where,
                                   section, section));
    // A value in the command's table beats the common one.
    if (section == command || (section.empty() && into.count(key) == 0))
      into[key] = make_setting(node, where);
  }
  void take_table(const std::string& section, const toml::table& table, Settings& settings,
                  std::vector<Settings>& runs) const {
    if (find_command(program, section) == nullptr)
      throw InputError(origin("[" + section + "]", table) + ": no such subcommand");
    for (const auto& [key, value] : table) {
      const std::string name(key.str());
      if (name != "run" || !value.is_array_of_tables() ||
          !is_option(*find_command(program, section), "run")) {
        take(section, name, value, settings);
        continue;
      }
      for (const toml::node& element : *value.as_array()) {
        Settings run;
        for (const auto& [inner, node] : *element.as_table())
          take(section, std::string(inner.str()), node, run);
        if (section == command) runs.push_back(std::move(run));
      }
    }
  }
};

}  // namespace

Settings read_settings(const fs::path& path, const CLI::App& program, const std::string& command,
                       std::vector<Settings>& runs) {
  const SettingsReader reader{path.string(), program, command};
  Settings settings;
  for (const auto& [key, node] : parse_file(path)) {
    const std::string name(key.str());
    if (node.is_table())
      reader.take_table(name, *node.as_table(), settings, runs);
    else
      reader.take("", name, node, settings);
  }
  return settings;
}

Settings given_settings(const CLI::App& command) {
  Settings settings;
  for (const CLI::Option* option : command.get_options())
    if (option->count() > 0)
      settings[long_name(*option)] = {option->results(), "--" + long_name(*option), false};
  return settings;
}

Settings environment_settings(const CLI::App& command) {
  Settings settings;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = long_name(*option);
    if (name.empty() || name == "help") continue;
    std::string variable = "PAPILLON_";
    for (const char c : name)
      variable += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const char* value = std::getenv(variable.c_str());
    if (value != nullptr && *value != '\0') settings[name] = {{value}, variable, false};
  }
  return settings;
}

}  // namespace papillon::apps
