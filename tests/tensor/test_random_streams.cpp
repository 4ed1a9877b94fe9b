// The registry of random streams: purposes and indices never meet.
#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/random_streams.hpp"

using namespace papillon;

namespace {

std::vector<Purpose> all_purposes() {
  std::vector<Purpose> all;
  for (int p = 1; p < static_cast<int>(Purpose::end); ++p) all.push_back(static_cast<Purpose>(p));
  return all;
}

}  // namespace

TEST_CASE("the streams of a purpose begin after the last of the purpose before it") {
  std::uint64_t before = stream_indices - 1;  // the caller's own
  for (const Purpose purpose : all_purposes()) {
    const std::uint64_t first = random_stream(5, purpose).stream,
                        last = random_stream(5, purpose, stream_indices - 1).stream;
    CHECK(first > before);
    CHECK(last - first == stream_indices - 1);
    CHECK(random_stream(5, purpose, 17).seed == 5);
    before = last;
  }
}

TEST_CASE("no two purposes, at either end of their indices, give the same numbers") {
  std::vector<std::vector<double>> draws;
  for (const Purpose purpose : all_purposes())
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{1}, stream_indices - 1})
      fill_normal<double>(random_stream(1, purpose, index), 0, draws.emplace_back(2));
  for (const std::uint64_t own : {0, 1, 2, 3, 4, 1000, 2001})
    fill_normal<double>({1, own}, 0, draws.emplace_back(2));
  std::sort(draws.begin(), draws.end());
  CHECK(std::adjacent_find(draws.begin(), draws.end()) == draws.end());
}

TEST_CASE("what is no purpose or too large an index is refused") {
  CHECK_THROWS_AS(random_stream(1, Purpose::none), ArgumentError);
  CHECK_THROWS_AS(random_stream(1, Purpose::end), ArgumentError);
  CHECK_THROWS_AS(random_stream(1, static_cast<Purpose>(0xFFFF)), ArgumentError);
  CHECK_THROWS_AS(random_stream(1, Purpose::benchmark, stream_indices), ArgumentError);
}

TEST_CASE("a sequence ends before the next kind's begins, and says so") {
  std::vector<float> f(8);
  std::vector<double> d(4);
  std::vector<std::uint64_t> k(4);
  const std::uint64_t end32 = std::uint64_t{1} << 58, end64 = std::uint64_t{1} << 57;
  CHECK_NOTHROW(fill_normal<float>({1, 2}, end32 - 8, f));
  CHECK_NOTHROW(fill_normal<double>({1, 2}, end64 - 4, d));
  CHECK_THROWS_AS(fill_normal<float>({1, 2}, end32 - 7, f), ArgumentError);
  CHECK_THROWS_AS(fill_uniform<float>({1, 2}, ~std::uint64_t{0}, f), ArgumentError);
  CHECK_THROWS_AS(fill_normal<double>({1, 2}, end64 - 3, d), ArgumentError);
  CHECK_THROWS_AS(fill_uniform<double>({1, 2}, end64, d), ArgumentError);
  CHECK_THROWS_AS(fill_integers({1, 2}, end64 - 1, 10, k), ArgumentError);
}
