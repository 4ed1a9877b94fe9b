#include "papillon/tensor/random_streams.hpp"

#include <string>

#include "papillon/tensor/errors.hpp"

namespace papillon {

RandomStream random_stream(std::uint64_t seed, Purpose purpose, std::uint64_t index) {
  const auto number = static_cast<std::uint64_t>(purpose);
  if (purpose == Purpose::none || purpose >= Purpose::end)
    throw ArgumentError("random_stream: purpose " + std::to_string(number) +
                        " is not in the list; must be between 1 and " +
                        std::to_string(static_cast<std::uint64_t>(Purpose::end) - 1));
  if (index >= stream_indices)
    throw ArgumentError("random_stream: index " + std::to_string(index) + " of purpose " +
                        std::to_string(number) + " is too large; must be below 2^48");
  return {seed, number * stream_indices + index};
}

}  // namespace papillon
