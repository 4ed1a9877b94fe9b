#include "papillon/apps/experiment/run_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

template <class E>
[[noreturn]] void rethrow(const std::string& name, const E& error) {
  throw E(fmt::format("run '{}': {}", name, error.what()));
}

// The option of that name, the one that is used if there are several; null if there is none.
const Option* find(std::span<const Option> options, const std::string& name) {
  const Option* found = nullptr;
  for (const Option& option : options)
    if (option.name == name && (found == nullptr || option.is_used())) found = &option;
  return found;
}

}  // namespace

std::vector<Settings> expand_run(const Settings& table, std::span<const Option> options) {
  std::size_t count = 1;
  std::vector<std::string> lists;
  for (const auto& [name, setting] : table) {
    const Option* option = find(options, name);
    if (option == nullptr) continue;
    if (option->is(Role::output | Role::transient) || name == "threads")
      throw InputError(fmt::format(
          "{}: is of the whole experiment; must be outside of the tables of runs", setting.origin));
    if (setting.values.size() < 2 || option->list) continue;
    if (!lists.empty() && setting.values.size() != count)
      throw InputError(fmt::format("{}: {} values, and '{}' has {}; lists of one run go together",
                                   setting.origin, setting.values.size(), lists.front(), count));
    count = setting.values.size();
    lists.push_back(name);
  }
  std::vector<Settings> tables(count, table);
  for (std::size_t i = 0; i < count; ++i)
    for (const std::string& name : lists) tables[i][name].values = {table.at(name).values[i]};
  return tables;
}

std::string fill_placeholders(const std::string& text, std::span<const Option> options) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find('{', at), close = text.find('}', open);
    if (open == std::string::npos || close == std::string::npos) return out + text.substr(at);
    const std::string name = text.substr(open + 1, close - open - 1);
    const Option* option = find(options, name);
    if (option == nullptr)
      throw UsageError(fmt::format("'{}': there is no option '{}'", text, name));
    out += text.substr(at, open - at) + fmt::format("{}", fmt::join(option->values(), ","));
    at = close + 1;
  }
  return out;
}

void check_run_name(const std::string& name, std::set<std::string>& taken) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  if (name.empty() || name[0] == '.' || !std::all_of(name.begin(), name.end(), fits))
    throw InputError(fmt::format(
        "a run's name is '{}'; must be made of letters, digits, '-', '_' and '.'", name));
  if (!taken.insert(name).second)
    throw InputError(fmt::format(
        "two runs are named '{}' (where lists make several, put {{option}} into the name)", name));
}

bool is_chosen(const std::string& name, const std::vector<std::string>& patterns) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
           return !p.empty() && p.back() == '*' ? name.rfind(p.substr(0, p.size() - 1), 0) == 0
                                                : name == p;
         });
}

void in_run(const std::string& name, const std::function<void()>& work) {
  try {
    work();
  } catch (const UsageError& error) {
    rethrow<UsageError>(name, error);
  } catch (const InputError& error) {
    rethrow<InputError>(name, error);
  } catch (const ArgumentError& error) {
    rethrow<ArgumentError>(name, error);
  } catch (const NumericalError& error) {
    rethrow<NumericalError>(name, error);
  }
}

std::string machine_description() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
      return line.substr(line.find(": ") + 2);
  return "not known";
}

}  // namespace papillon::apps
