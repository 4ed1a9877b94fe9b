#include "papillon/apps/numbers.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace papillon::apps {

std::optional<double> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+' && text.substr(0, 2) != "+-") text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value == 0 ? 0.0 : value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc() ? std::optional(count) : std::nullopt;
  }
  double factor = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K')) factor = 1e3;
  if (!text.empty() && text.back() == 'M') factor = 1e6;
  if (factor > 1) text.remove_suffix(1);
  const std::optional<double> number = parse_number(text);
  constexpr double exact = 9007199254740992;  // 2^53
  const double value = number.value_or(-1) * factor;
  if (!(value >= 0 && value <= exact) || value != std::floor(value)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

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
