#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "papillon/apps/command.hpp"

namespace papillon::apps {

CLI::Validator count_number() {
  const auto convert = [](std::string& text) -> std::string {
    const std::string given = text;
    double factor = 1;
    std::string digits = text;
    if (!digits.empty() && (digits.back() == 'k' || digits.back() == 'K')) factor = 1e3;
    if (!digits.empty() && digits.back() == 'M') factor = 1e6;
    if (factor > 1) digits.pop_back();
    if (factor == 1 && !digits.empty() &&
        digits.find_first_not_of("0123456789") == std::string::npos)
      return {};  // CLI11 checks its range
    char* end = nullptr;
    const double value = std::strtod(digits.c_str(), &end) * factor;
    if (digits.empty() || *end != '\0' || !(value >= 0) || value > 9e15 ||
        value != static_cast<double>(static_cast<std::uint64_t>(value)))
      return fmt::format("'{}' is not a count (as 131072, 12e6, 128k or 12M)", given);
    text = std::to_string(static_cast<std::uint64_t>(value));
    return {};
  };
  return CLI::Validator(convert, "");
}

CLI::Validator within(double low, double high) {
  const auto check = [low, high](std::string& text) -> std::string {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (!text.empty() && *end == '\0' && value >= low && value <= high) return {};
    return fmt::format("'{}' is not a number from {} to {}", text, low, high);
  };
  return CLI::Validator(check, fmt::format("[{} - {}]", low, high));
}

}  // namespace papillon::apps
