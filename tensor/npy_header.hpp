// The headers of NumPy's array files (.npy, versions 1 to 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "papillon/tensor/shape.hpp"

namespace papillon {

// What the header of an NPY file says.
struct NpyHeader {
  Shape shape;                  // of the array
  std::size_t item_size = 0;    // 4: float, 8: double
  std::size_t data_offset = 0;  // bytes before the first element
};

inline constexpr std::size_t max_npy_header = 65536;  // bytes of text

// Reads the header from a file's first bytes (all of them, or at least 64 KiB + 12) and checks it
// against the size of the whole file. Throws InputError that begins with the given name.
NpyHeader parse_npy_header(std::span<const std::byte> start, std::uint64_t file_size,
                           const std::string& name);

// Version 1.0, padded with spaces to at least `width` bytes, so that it can be written again with
// another shape.
std::string npy_header_text(const Shape& shape, std::size_t item_size, std::size_t width = 0);

}  // namespace papillon
