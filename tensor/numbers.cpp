#include "papillon/tensor/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace papillon {

std::optional<double> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+' && text.substr(0, 2) != "+-") text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value == 0 ? 0.0 : value;
}

// In decimal digits throughout: a double holds no more than 53 bits of a seed.
std::optional<std::uint64_t> parse_count(std::string_view text) {
  int power = 0;  // of ten
  if (!text.empty() && (text.back() == 'k' || text.back() == 'K')) power = 3;
  if (!text.empty() && text.back() == 'M') power = 6;
  if (power > 0) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  if (const std::size_t e = text.find_first_of("eE"); e != std::string_view::npos) {
    std::string_view exponent = text.substr(e + 1);
    if (exponent.size() > 1 && exponent.front() == '+' && exponent[1] != '-')
      exponent.remove_prefix(1);
    int given = 0;
    const auto [end, error] =
        std::from_chars(exponent.data(), exponent.data() + exponent.size(), given);
    if (error != std::errc() || end != exponent.data() + exponent.size() || std::abs(given) > 999)
      return std::nullopt;
    power += given;
    text = text.substr(0, e);
  }
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  std::string digits = std::string(text.substr(0, point)).append(fraction);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  if (digits.find_first_not_of('0') == std::string::npos) return 0;
  power -= static_cast<int>(fraction.size());
  for (; power < 0; ++power) {
    if (digits.empty() || digits.back() != '0') return std::nullopt;
    digits.pop_back();
  }
  digits.append(static_cast<std::size_t>(power), '0');
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return error == std::errc() ? std::optional(count) : std::nullopt;
}

}  // namespace papillon
