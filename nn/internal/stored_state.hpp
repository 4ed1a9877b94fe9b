// What a file or a state dict says, looked at before it is believed. All of these throw InputError,
// one line that names the entry, its value, and what would be right.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "papillon/nn/safetensors.hpp"

namespace papillon {

// The metadata under that key; `right` says what belongs there.
std::string metadata_text(const SafetensorsFile& file, const std::string& key,
                          std::string_view right);
// A decimal integer, digits only, in [low, high].
std::uint64_t metadata_integer(const SafetensorsFile& file, const std::string& key,
                               std::uint64_t low, std::uint64_t high);
// A JSON array of one or more finite numbers.
std::vector<double> metadata_numbers(const SafetensorsFile& file, const std::string& key,
                                     std::string_view right);

// Refuses values that are not finite or below `lowest`.
template <class T>
void check_values(std::string_view name, const Tensor<T>& tensor,
                  double lowest = -std::numeric_limits<double>::infinity());

// How many elements all entries have together: a network of more parameters is not in the file, and
// must not cost their memory before that is found out.
std::size_t element_count(const SafetensorsFile& file);

}  // namespace papillon
