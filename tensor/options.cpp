#include "papillon/tensor/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/numbers.hpp"

namespace papillon {

std::string to_string(const Range& range) {
  const auto text = [](long double bound) {
    if (bound == std::floor(bound) && std::abs(bound) < 1.9e19L)
      return bound < 0 ? fmt::format("{}", static_cast<std::int64_t>(bound))
                       : fmt::format("{}", static_cast<std::uint64_t>(bound));
    return fmt::format("{}", static_cast<double>(bound));
  };
  return fmt::format("{}{}, {}{}", range.without_low ? '(' : '[', text(range.low), text(range.high),
                     range.without_high ? ')' : ']');
}

void restrict_use(std::vector<Option>& list, std::size_t first, const Use& use) {
  for (std::size_t i = first; i < list.size(); ++i) {
    Option& option = list[i];
    if (option.use.empty())
      option.use = use.text;
    else if (use.text[0] == '-')  // "--method enoi --ensemble diffusion"
      option.use = use.text + " " + option.use;
    option.applies = [outer = use.applies, inner = std::move(option.applies)] {
      return outer() && (!inner || inner());
    };
  }
}

namespace detail {
namespace {

bool contains(const Range& range, long double value) {
  return value >= range.low && value <= range.high && !(range.without_low && value == range.low) &&
         !(range.without_high && value == range.high);
}

}  // namespace

double number_option(const std::string& text, const Range& range) {
  const auto value = parse_number(text);
  if (!value || !contains(range, *value))
    throw ArgumentError(fmt::format("'{}' is not a number in {}", text, to_string(range)));
  return *value;
}

std::pair<std::uint64_t, bool> whole_option(const std::string& text, const Range& range) {
  const bool negative = !text.empty() && text.front() == '-';
  const auto size = parse_count(negative ? text.substr(1) : text);
  if (!size || !contains(range, negative ? -static_cast<long double>(*size)
                                         : static_cast<long double>(*size)))
    throw ArgumentError(fmt::format(
        "'{}' is not a whole number in {} (as 131072, 12e6, 128k or 12M)", text, to_string(range)));
  return {*size, negative};
}

std::string choice_option(const std::string& text, const std::vector<std::string>& choices) {
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end())
    throw ArgumentError(
        fmt::format("'{}' is unknown; must be one of {}", text, fmt::join(choices, ", ")));
  return text;
}

bool flag_option(const std::string& text) {
  for (const char* yes : {"true", "1", "on"})
    if (text == yes) return true;
  for (const char* no : {"false", "0", "off"})
    if (text == no) return false;
  throw ArgumentError(fmt::format("'{}' is unknown; must be true or false", text));
}

std::string number_text(double value) {
  return fmt::format("{}", value);
}

}  // namespace detail
}  // namespace papillon
