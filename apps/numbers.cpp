#include "papillon/apps/numbers.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace papillon::apps {

std::string number_text(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "";
}

std::string number_text(const nlohmann::ordered_json& value, const char* format) {
  return number_text(number_of(value), format);
}

std::string with_error(const std::string& value, const std::string& error) {
  if (value.empty()) return "n/a";
  return error.empty() ? value : value + " ± " + error;
}

nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

double number_of(const nlohmann::ordered_json& json) {
  return json.is_number() ? json.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace papillon::apps
