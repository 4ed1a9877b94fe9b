// Files that were good but for one thing: whoever loads them must refuse with an InputError.
#pragma once

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "catch.hpp"
#include "papillon/nn/safetensors.hpp"

namespace papillon::testing {

// What is no decimal integer of 64 bits without sign.
inline const std::vector<std::string> no_integers = {"",
                                                     " ",
                                                     "-1",
                                                     "+1",
                                                     " 1",
                                                     "1 ",
                                                     "1x",
                                                     "0x1",
                                                     "1.0",
                                                     "1e3",
                                                     "nan",
                                                     "inf",
                                                     "18446744073709551616",
                                                     "99999999999999999999999"};
// What is no JSON array of finite numbers.
inline const std::vector<std::string> no_numbers = {
    "",     "[]", "1",     "{}",      "null",     "[null]", "[true]", "[\"1\"]",
    "[1,]", "[1", "[NaN]", "[1e999]", "[-1e999]", "[[1]]",  "[0x1]",  "[1,2]x"};

struct BadMetadata {
  std::string key;
  std::vector<std::string> values;
};

// load() reads the file at path, which is good. It must refuse the file without a key or with one
// of those values under it; without a tensor; and with a number of it replaced by NaN or infinity.
inline void check_corruptions(const std::filesystem::path& path, const std::function<void()>& load,
                              const std::vector<BadMetadata>& metadata) {
  const SafetensorsFile good = read_safetensors(path);
  const auto refused = [&](const SafetensorsFile& file) {
    write_safetensors(path, file);
    CHECK_THROWS_AS(load(), InputError);
  };
  REQUIRE_NOTHROW(load());
  for (const auto& [key, values] : metadata) {
    CAPTURE(key);
    SafetensorsFile file = good;
    REQUIRE(file.metadata.erase(key) == 1);
    refused(file);
    for (const std::string& value : values) {
      CAPTURE(value);
      file.metadata[key] = value;
      refused(file);
    }
  }
  for (std::size_t i = 0; i < good.entries.size(); ++i) {
    CAPTURE(good.entries[i].name);
    SafetensorsFile file = good;
    file.entries.erase(file.entries.begin() + static_cast<std::ptrdiff_t>(i));
    refused(file);
    const std::size_t size = good.entries[i].dtype == "F64" ? 8 : 4;
    if (good.entries[i].bytes.empty()) continue;
    for (const double value :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
          -std::numeric_limits<double>::infinity()}) {
      file = good;
      std::byte* last = file.entries[i].bytes.data() + file.entries[i].bytes.size() - size;
      const auto single = static_cast<float>(value);
      std::memcpy(last, size == 8 ? static_cast<const void*>(&value) : &single, size);
      refused(file);
    }
  }
  write_safetensors(path, good);
  CHECK_NOTHROW(load());
}

}  // namespace papillon::testing
