// Random numbers of an assimilation: one sequence for each purpose, trajectory and cycle, which
// does not depend on the order of drawing or the number of threads.
#pragma once

#include <cstdint>
#include <span>

#include "papillon/tensor/random_streams.hpp"

namespace papillon::inline assimilation {

// Experiments of one seed that share no random number: a test, and what is tried before or beside.
enum class Experiment : std::uint64_t { test, tuning, spread, end };

struct RandomAddress {
  std::uint64_t seed = 0;
  std::uint64_t trajectory = 0;  // below 2^28
  std::uint64_t cycle = 0;       // below 2^28
  Experiment experiment = Experiment::test;
  // Which of several states of that trajectory and cycle an ensemble is generated around; below
  // 2^16.
  std::uint64_t centre = 0;

  static constexpr std::uint64_t numbers_a_cycle = std::uint64_t{1} << 28;

  // All cycles of that purpose. Throws ArgumentError for a field out of its range.
  RandomStream stream(Purpose purpose) const;
  // Fills out with elements first, first + 1, ... of this cycle's sequence of that purpose. Throws
  // ArgumentError also where they are not below 2^28: the next cycle's begin there.
  void normal(Purpose purpose, std::span<double> out, std::uint64_t first = 0) const;
  void uniform(Purpose purpose, std::span<double> out, std::uint64_t first = 0) const;
  void integers(Purpose purpose, std::uint64_t bound, std::span<std::uint64_t> out) const;

 private:
  std::uint64_t index(std::uint64_t first, std::uint64_t count) const;
};

}  // namespace papillon::inline assimilation
