// A hash by which runs tell one data set from another. Not cryptographic.
#pragma once

#include <cstdint>

namespace papillon {

// FNV-1a of 64 bits, a word at a time: Fowler, Noll and Vo, RFC 9923.
struct Fnv1a {
  std::uint64_t value = 0xcbf29ce484222325;
  constexpr void add(std::uint64_t word) { value = (value ^ word) * 0x100000001b3; }
};

}  // namespace papillon
