// Numbers as people write them and as they are shown to people.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace papillon::apps {

// A finite decimal number, all of the text. None for "nan", "inf", "0x1p3", "1e400", " 1" and "".
// Minus zero becomes zero.
std::optional<double> parse_number(std::string_view text);
// 131072, 12e6, 128k or 12M, up to 2^64 - 1, and exactly.
std::optional<std::uint64_t> parse_count(std::string_view text);

// By a format of fmt; empty where the value is not finite, or the JSON is no number: a cell of a
// CSV file that says that there is nothing.
std::string number_text(double value, const char* format = "{:.6g}");
std::string number_text(const nlohmann::ordered_json& value, const char* format = "{:.6g}");
// "0.19 ± 0.02" from texts of the function above; without ± where there is no error, as of a mean
// of one; "n/a" where there is no value.
std::string with_error(const std::string& value, const std::string& error);

// JSON has neither NaN nor infinity: null.
nlohmann::ordered_json json_number(double value);
// NaN for what is no number.
double number_of(const nlohmann::ordered_json& json);

}  // namespace papillon::apps
