// The random numbers of an assimilation: no two addresses share any.
#include <algorithm>
#include <tuple>
#include <vector>

#include "catch.hpp"
#include "papillon/lorenz/assimilation/random_address.hpp"

using namespace papillon;

namespace {

constexpr std::uint64_t most = (std::uint64_t{1} << 28) - 1, most_centres = (1u << 16) - 1;

}  // namespace

TEST_CASE("addresses at both ends of every field have streams or cycles of their own",
          "[assimilation]") {
  std::vector<std::vector<double>> draws;
  for (const Purpose purpose : {Purpose::observation_errors, Purpose::posterior_ensembles})
    for (const std::uint64_t seed : {1, 2})
      for (const std::uint64_t trajectory : {std::uint64_t{0}, std::uint64_t{1}, most})
        for (const std::uint64_t cycle : {std::uint64_t{0}, std::uint64_t{1}, most})
          for (const auto experiment : {Experiment::test, Experiment::tuning, Experiment::spread})
            for (const std::uint64_t centre : {std::uint64_t{0}, std::uint64_t{1}, most_centres})
              for (const std::uint64_t first : {std::uint64_t{0}, most - 1})
                RandomAddress{seed, trajectory, cycle, experiment, centre}.normal(
                    purpose, draws.emplace_back(2), first);
  std::sort(draws.begin(), draws.end());
  CHECK(std::adjacent_find(draws.begin(), draws.end()) == draws.end());
}

TEST_CASE("an address out of range, or more numbers than a cycle has, is refused",
          "[assimilation]") {
  std::vector<double> two(2);
  std::vector<std::uint64_t> rows(2);
  const auto refused = [&](const RandomAddress& address, std::uint64_t first = 0) {
    CHECK_THROWS_AS(address.normal(Purpose::truth_noise, two, first), ArgumentError);
    CHECK_THROWS_AS(address.uniform(Purpose::truth_noise, two, first), ArgumentError);
  };
  refused({1, most + 1});
  refused({1, 0, most + 1});
  refused({1, 0, 0, Experiment::test, most_centres + 1});
  refused({1}, most);
  refused({1}, ~std::uint64_t{0});
  CHECK_THROWS_AS((RandomAddress{1, most + 1}.integers(Purpose::initial_members, 5, rows)),
                  ArgumentError);
}
