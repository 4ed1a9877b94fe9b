#include "papillon/nn/internal/stored_state.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace papillon {
namespace {

constexpr std::size_t most_numbers = 10'000'000;

// As a message can show it.
std::string cut(const std::string& text) {
  return text.size() <= 60 ? text : text.substr(0, 60) + "...";
}

}  // namespace

std::string metadata_text(const SafetensorsFile& file, const std::string& key,
                          std::string_view right) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw InputError(fmt::format("{}: metadata '{}' is missing ({})", file.source, key, right));
  return found->second;
}

std::uint64_t metadata_integer(const SafetensorsFile& file, const std::string& key,
                               std::uint64_t low, std::uint64_t high) {
  const std::string range = fmt::format("an integer from {} to {}", low, high);
  const std::string text = metadata_text(file, key, range);
  std::uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || value < low || value > high)
    throw InputError(
        fmt::format("{}: metadata '{}' is '{}'; must be {}", file.source, key, cut(text), range));
  return value;
}

std::vector<double> metadata_numbers(const SafetensorsFile& file, const std::string& key,
                                     std::string_view right) {
  const std::string text = metadata_text(file, key, right);
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<double> numbers;
  if (json.is_array() && json.size() <= most_numbers)
    for (const auto& item : json)
      if (item.is_number() && std::isfinite(item.get<double>()))
        numbers.push_back(item.get<double>());
  if (numbers.empty() || numbers.size() != json.size())
    throw InputError(fmt::format("{}: metadata '{}' is '{}'; must be an array of numbers ({})",
                                 file.source, key, cut(text), right));
  return numbers;
}

template <class T>
void check_values(std::string_view name, const Tensor<T>& tensor, double lowest) {
  for (std::size_t i = 0; i < tensor.size(); ++i)
    if (const auto value = static_cast<double>(tensor[i]); !std::isfinite(value) || value < lowest)
      throw InputError(fmt::format(
          "tensor '{}' has {} at {}; must be finite{}", name,
          std::isnan(value) ? "NaN" : fmt::format("{}", value), i,
          std::isfinite(lowest) ? fmt::format(" and at least {}", lowest) : std::string()));
}

std::size_t element_count(const SafetensorsFile& file) {
  std::size_t count = 0;
  for (const auto& entry : file.entries) count += element_count(entry.shape);
  return count;
}

template void check_values(std::string_view, const Tensor<float>&, double);
template void check_values(std::string_view, const Tensor<double>&, double);

}  // namespace papillon
