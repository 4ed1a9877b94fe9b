// Numbers as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace papillon {

// A finite decimal number, all of the text. None for "nan", "inf", "0x1p3", "1e400", " 1" and "".
// Minus zero becomes zero.
std::optional<double> parse_number(std::string_view text);
// 131072, 12e6, 128k or 12M, up to 2^64 - 1, and exactly.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace papillon
