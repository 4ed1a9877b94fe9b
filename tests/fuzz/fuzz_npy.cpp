// Fuzz target: any bytes are an array or an InputError.
#include <cstddef>
#include <cstdint>
#include <span>

#include "papillon/tensor/npy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    papillon::parse_npy<float>(std::as_bytes(std::span(data, size)));
  } catch (const papillon::InputError&) {
  }
  return 0;
}
