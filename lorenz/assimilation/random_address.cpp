#include "papillon/lorenz/assimilation/random_address.hpp"

#include <fmt/format.h>

#include "papillon/tensor/errors.hpp"

namespace papillon::inline assimilation {
namespace {

// The fields share the 48 bits of a stream's index: 4, 16 and 28.
constexpr unsigned trajectory_bits = 28, centre_bits = 16;
static_assert(static_cast<unsigned>(Experiment::end) <= 1u << 4);

void check(const char* what, std::uint64_t value, unsigned bits) {
  if (value >> bits != 0)
    throw ArgumentError(
        fmt::format("random address: {} {}; must be below 2^{}", what, value, bits));
}

}  // namespace

RandomStream RandomAddress::stream(Purpose purpose) const {
  check("trajectory", trajectory, trajectory_bits);
  check("centre", centre, centre_bits);
  return random_stream(
      seed, purpose,
      ((static_cast<std::uint64_t>(experiment) << centre_bits | centre) << trajectory_bits) |
          trajectory);
}

std::uint64_t RandomAddress::index(std::uint64_t first, std::uint64_t count) const {
  check("cycle", cycle, 28);
  if (first > numbers_a_cycle || count > numbers_a_cycle - first)
    throw ArgumentError(fmt::format(
        "random address: {} numbers from number {} on; a cycle has 2^28 of each purpose", count,
        first));
  return cycle * numbers_a_cycle + first;
}

void RandomAddress::normal(Purpose purpose, std::span<double> out, std::uint64_t first) const {
  fill_normal<double>(stream(purpose), index(first, out.size()), out);
}

void RandomAddress::uniform(Purpose purpose, std::span<double> out, std::uint64_t first) const {
  fill_uniform<double>(stream(purpose), index(first, out.size()), out);
}

void RandomAddress::integers(Purpose purpose, std::uint64_t bound,
                             std::span<std::uint64_t> out) const {
  fill_integers(stream(purpose), index(0, out.size()), bound, out);
}

}  // namespace papillon::inline assimilation
