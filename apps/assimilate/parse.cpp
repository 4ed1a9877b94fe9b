// Options out of layers of settings.
#include <fmt/format.h>

#include "papillon/apps/assimilate/options.hpp"
#include "papillon/apps/option_list.hpp"

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
  std::vector<Option> common;
  append_options(common, parsed.context);
  declare(app, common);
  for (const Settings& layer : layers) apply_settings(app, layer);
  assign(common, layers);
  parsed.context.settings = resolved_settings(app);
  parsed.context.layers = layers;
  return parsed;
}

void fill_placeholders(ParsedRun& run, const Json& settings) {
  AssimilateOptions& o = run.options;
  Json& own = run.context.settings;
  const auto fill = [&](std::string& text, const char* name) {
    text = filled(text, settings);
    own[name] = text;
  };
  fill(o.name, "name");
  fill(o.baseline, "baseline");
  fill(o.control, "control");
  fill(o.series, "series");
  if (o.covariance.size() == 1) {
    o.covariance[0] = filled(o.covariance[0], settings);
    own["covariance"] = Json::array({o.covariance[0]});
  }
}

}  // namespace papillon::apps
