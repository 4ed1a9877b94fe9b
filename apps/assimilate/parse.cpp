// Options out of layers of settings.
#include <fmt/format.h>

#include "papillon/apps/assimilate/options.hpp"

namespace papillon::apps {
namespace {

// {option} by the value of that option.
std::string filled(const std::string& text, const Json& settings) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find('{', at), close = text.find('}', open);
    if (open == std::string::npos || close == std::string::npos) return out + text.substr(at);
    const std::string key = text.substr(open + 1, close - open - 1);
    if (!settings.contains(key))
      throw UsageError(fmt::format("'{}': there is no option '{}'", text, key));
    const Json& value = settings[key];
    out +=
        text.substr(at, open - at) + (value.is_string() ? value.get<std::string>() : value.dump());
    at = close + 1;
  }
  return out;
}

}  // namespace

ParsedRun parse_run(const Context& program, const std::vector<Settings>& layers) {
  ParsedRun parsed{{}, program};
  CLI::App app;
  parsed.options.add_to(app);
  add_common_options(app, parsed.context);
  for (const Settings& layer : layers) apply_settings(app, layer);
  Json& settings = parsed.context.settings = resolved_settings(app);
  AssimilateOptions& o = parsed.options;
  for (std::string* text : {&o.name, &o.baseline, &o.series}) *text = filled(*text, settings);
  for (std::string& text : o.covariance) text = filled(text, settings);
  settings["name"] = o.name;
  settings["baseline"] = o.baseline;
  settings["series"] = o.series;
  if (!o.covariance.empty() && settings["covariance"].is_array())
    for (std::size_t i = 0; i < o.covariance.size(); ++i)
      if (settings["covariance"][i].is_string()) settings["covariance"][i] = o.covariance[i];
  return parsed;
}

}  // namespace papillon::apps
