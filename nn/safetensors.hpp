// safetensors files: named arrays and a map of strings, for models and checkpoints.
// Format: https://github.com/huggingface/safetensors
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // "F32", "BF16", "I64", ...
  Shape shape;
  std::vector<std::byte> bytes;  // row-major, little-endian
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  std::string source = "safetensors";     // what error messages begin with: the file it came from

  // Adds an F32 or F64 entry. Throws ArgumentError if the name is taken or is "__metadata__".
  template <class T>
  void add(std::string name, const Tensor<T>& tensor);

  bool contains(std::string_view name) const;
  // Throws InputError if there is none.
  const SafetensorsEntry& entry(std::string_view name) const;
  // An F16, BF16, F32 or F64 entry in precision T. Throws InputError, also for another type.
  template <class T>
  Tensor<T> tensor(std::string_view name) const;
};

// Strict: refuses anything that the format does not allow, with an InputError of one line that
// begins with the given name. Unaligned data are fine, and so are types that tensor() does not
// read, until it is asked for them; of types that are unknown the offsets are checked, and that
// there is a bit or more for each element. A __metadata__ of null is none.
SafetensorsFile parse_safetensors(std::span<const std::byte> data,
                                  const std::string& name = "safetensors data");
// The same of a file; refuses what needs more memory than there is.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Writes atomically; entries sorted by the alignment of their type, descending, then by name; data
// aligned to 8 bytes. Throws ArgumentError if an entry is malformed, and OutputError.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace papillon
