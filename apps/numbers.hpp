// Numbers as they are shown to people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "papillon/tensor/numbers.hpp"

namespace papillon::apps {

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
