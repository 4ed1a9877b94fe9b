#include "papillon/apps/options.hpp"

#include <fmt/format.h>

#include "papillon/apps/numbers.hpp"

namespace papillon::apps {

CLI::Validator number_in(Range range) {
  const std::string written = to_string(range);
  const auto convert = [range, written](std::string& text) -> std::string {
    const auto value = parse_number(text);
    if (!value || *value < range.low || *value > range.high ||
        (range.without_low && *value == range.low) || (range.without_high && *value == range.high))
      return fmt::format("'{}' is not a number in {}", text, written);
    text = fmt::format("{}", *value);
    return {};
  };
  return CLI::Validator(convert, written);
}

CLI::Validator whole_number_in(WholeInterval range) {
  const std::string written = fmt::format("[{}, {}]", range.low, range.high);
  const auto convert = [range, written](std::string& text) -> std::string {
    const bool negative = !text.empty() && text.front() == '-';
    const auto size = parse_count(negative ? text.substr(1) : text);
    const auto above_low = [&] {
      if (!negative || *size == 0)
        return range.low <= 0 || *size >= static_cast<std::uint64_t>(range.low);
      return range.low < 0 && *size <= static_cast<std::uint64_t>(-range.low);
    };
    if (!size || !above_low() || (!negative && *size > range.high))
      return fmt::format("'{}' is not a whole number in {} (as 131072, 12e6, 128k or 12M)", text,
                         written);
    text = fmt::format("{}{}", negative && *size > 0 ? "-" : "", *size);
    return {};
  };
  return CLI::Validator(convert, written);
}

}  // namespace papillon::apps
