// Fuzz target: any bytes are a file whose entries have their size, or an InputError.
#include <cstddef>
#include <cstdint>
#include <span>

#include "papillon/nn/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = papillon::parse_safetensors(std::as_bytes(std::span(data, size)));
    for (const auto& entry : file.entries) {
      try {
        file.tensor<float>(entry.name);
      } catch (const papillon::InputError&) {  // an integer type
      }
    }
  } catch (const papillon::InputError&) {
  }
  return 0;
}
