#include "papillon/apps/option_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "papillon/apps/command.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

// "UINT:[1, 5]", "TEXT:{nc,npy}"
std::string type_of(const Option& option) {
  const OptionInfo& info = option.info;
  switch (option.kind) {
    case Option::Kind::flag:
      return "";
    case Option::Kind::whole:
      return fmt::format("{}:{}", option.has_sign ? "INT" : "UINT", to_string(info.range));
    case Option::Kind::number:
      return "FLOAT:" + to_string(info.range);
    case Option::Kind::text:
      break;
  }
  return info.choices.empty() ? "TEXT" : fmt::format("TEXT:{{{}}}", fmt::join(info.choices, ","));
}

Json json_value(const Option& option, const std::string& text) {
  switch (option.kind) {
    case Option::Kind::flag:
      return text == "true";
    case Option::Kind::whole:
      return text.front() == '-' ? Json(std::stoll(text)) : Json(std::stoull(text));
    case Option::Kind::number:
      return std::stod(text);
    case Option::Kind::text:
      break;
  }
  return text;
}

// What options of that name are for: "--method letkf"; nothing if any run uses it.
std::vector<std::string> uses_of(std::span<const Option> options, const std::string& name) {
  std::vector<std::string> uses;
  for (const Option& option : options)
    if (option.name == name && !option.use.empty() &&
        std::find(uses.begin(), uses.end(), option.use) == uses.end())
      uses.push_back(option.use);
  return uses;
}

}  // namespace

void declare(CLI::App& app, std::span<const Option> options) {
  const CLI::callback_t ignore = [](const CLI::results_t&) { return true; };
  for (const Option& option : options) {
    const std::string flag = "--" + option.name;
    if (app.get_option_no_throw(flag) != nullptr) continue;
    std::string help = option.info.help;
    std::vector<std::string> uses = uses_of(options, option.name);
    std::erase_if(uses, [](const std::string& use) { return use[0] != '-'; });  // for messages
    if (!uses.empty()) help += fmt::format(" ({})", fmt::join(uses, ", "));
    CLI::Option* declared;
    if (option.kind == Option::Kind::flag) {
      declared = app.add_flag_callback(
          flag, [] {}, help);
    } else {
      declared = app.add_option(flag, ignore, help);
      declared->type_name(type_of(option));
      if (option.list) declared->expected(1, CLI::detail::expected_max_vector_size)->delimiter(',');
      const std::vector<std::string> values = option.values();
      if (!values.empty() && !values.front().empty())
        declared->default_str(option.list ? fmt::format("[{}]", fmt::join(values, ","))
                                          : values.front());
    }
    declared->group(option.heading);
  }
}

void assign(std::span<Option> options, std::span<const Settings> layers) {
  for (Option& option : options) {
    for (const Settings& layer : layers) {
      const auto found = layer.find(option.name);
      if (found == layer.end() || found->second.values.empty()) continue;  // []: the default
      const Setting& setting = found->second;
      try {
        option.assign(setting.values);
      } catch (const ArgumentError& error) {
        const std::string message = fmt::format("{}: {}", setting.origin, error.what());
        if (setting.from_file) throw InputError(message);
        throw UsageError(message);
      }
      break;
    }
  }
}

void require_used(std::span<const Option> options, const Settings& given) {
  for (const auto& [name, setting] : given) {
    const auto is_named = [&name = name](const Option& o) { return o.name == name; };
    const auto is_used = [&](const Option& o) { return is_named(o) && o.is_used(); };
    if (setting.values.empty() || std::none_of(options.begin(), options.end(), is_named) ||
        std::any_of(options.begin(), options.end(), is_used))
      continue;
    std::string chosen;
    for (const Option& o : options) {
      if (!o.selects || !o.is_used()) continue;
      const std::string choice = fmt::format(" --{} {}", o.name, o.values()[0]);
      if (chosen.find(choice) == std::string::npos) chosen += choice;
    }
    throw UsageError(fmt::format("{}: is not used {}; it is for {}", setting.origin,
                                 chosen.empty() ? "here" : "with" + chosen,
                                 fmt::join(uses_of(options, name), ", ")));
  }
}

Json to_json(const Option& option) {
  const std::vector<std::string> values = option.values();
  if (!option.list)
    return values.empty() || values.front().empty() ? Json() : json_value(option, values.front());
  Json list = Json::array();
  for (const std::string& value : values) list.push_back(json_value(option, value));
  return list;
}

Json to_json(std::span<const Option> options) {
  Json json = Json::object();
  for (const Option& option : options)
    if (!option.is(Role::transient) && option.is_used() && has_value(option))
      json[option.name] = to_json(option);
  return json;
}

bool has_value(const Option& option) {
  const std::vector<std::string> values = option.values();
  return values.size() > 1 || (values.size() == 1 && !values.front().empty());
}

}  // namespace papillon::apps
