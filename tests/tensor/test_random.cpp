// Random numbers: known answers, independence of how a range is split, and the distributions.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "catch.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

// FNV-1a over the bits.
template <class T>
std::uint64_t hash(const std::vector<T>& values) {
  std::uint64_t h = 0xCBF29CE484222325u;
  for (const unsigned char* p = reinterpret_cast<const unsigned char*>(values.data());
       p != reinterpret_cast<const unsigned char*>(values.data() + values.size()); ++p) {
    h = (h ^ *p) * 0x100000001B3u;
  }
  return h;
}

template <class T>
std::vector<T> normals(std::size_t n, RandomStream stream) {
  std::vector<T> out(n);
  fill_normal<T>(stream, 0, out);
  return out;
}

template <class T>
double phi(T x) {
  return 0.5 * std::erfc(-static_cast<double>(x) / std::numbers::sqrt2);
}

// The largest distance of the empirical distribution function from cdf, times sqrt(n).
template <class T, class Cdf>
double kolmogorov_smirnov(std::vector<T> values, Cdf cdf) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double f = cdf(values[i]);
    worst = std::max({worst, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return worst * std::sqrt(n);
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives Random123's known answers") {
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) ==
        Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t f = 0xffffffff;
  CHECK(philox4x32_10({f, f, f, f}, {f, f}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEMPLATE_TEST_CASE("A range filled in any pieces has the same bits", "", float, double) {
  using T = TestType;
  const RandomStream stream{7, 0x123456789ABCDEFu};
  constexpr std::size_t n = 1500;
  // Starts before a carry from the low to the high word of the block's number.
  for (const std::uint64_t first : {std::uint64_t{0}, (std::uint64_t{1} << 34) - 701}) {
    std::vector<T> uniform(n), normal(n), part(n);
    fill_uniform<T>(stream, first, uniform);
    fill_normal<T>(stream, first, normal);
    for (const std::size_t piece : {1, 3, 4, 64, 257, 1000}) {
      for (std::size_t i = 0; i < n; i += piece) {
        fill_uniform<T>(stream, first + i, std::span(part).subspan(i, std::min(piece, n - i)));
      }
      CHECK(part == uniform);
      for (std::size_t i = 0; i < n; i += piece) {
        fill_normal<T>(stream, first + i, std::span(part).subspan(i, std::min(piece, n - i)));
      }
      CHECK(part == normal);
    }
  }
}

TEMPLATE_TEST_CASE("Tensors of any thread count hold the stream's elements", "", float, double) {
  using T = TestType;
  const std::size_t before = thread_count();
  std::vector<T> expected(200'001);
  fill_normal<T>({3, 4}, 0, expected);
  for (const std::size_t threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    const Tensor<T> t = random_normal<T>({200'001}, {3, 4});
    CHECK(std::equal(t.begin(), t.end(), expected.begin()));
  }
  set_thread_count(before);
}

TEST_CASE("The numbers are these bits on every machine") {
  CHECK(hash(normals<float>(10'000, {1, 2})) == 0x4325f252dd23b4d0u);
  CHECK(hash(normals<double>(10'000, {1, 2})) == 0x69108f901368290au);
  std::vector<float> f(10'000);
  fill_uniform<float>({1, 2}, 0, f);
  CHECK(hash(f) == 0xe92621ea3d49ac12u);
  std::vector<double> d(10'000);
  fill_uniform<double>({1, 2}, 0, d);
  CHECK(hash(d) == 0x4a8de91d882d90b5u);
  CHECK(hash(random_permutation(1000, {1, 2})) == 0xf37af2ae766b2df1u);
  const IndexPermutation permutation(1000, {1, 2});
  std::vector<std::uint64_t> p(1000);
  for (std::uint64_t i = 0; i < 1000; ++i) p[i] = permutation(i);
  CHECK(hash(p) == 0xd3df8052226385fdu);
}

TEMPLATE_TEST_CASE("Normals are normal", "", float, double) {
  using T = TestType;
  constexpr std::size_t n = 2'000'000;
  const std::vector<T> x = normals<T>(n, {20, 21});
  double sum[4] = {}, lag = 0, pair = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double power = 1;
    for (double& s : sum) s += (power *= static_cast<double>(x[i]));
    if (i > 0) lag += static_cast<double>(x[i]) * static_cast<double>(x[i - 1]);
    if (i > 1) pair += static_cast<double>(x[i] * x[i]) * static_cast<double>(x[i - 2] * x[i - 2]);
  }
  // Five standard errors of each: variances of x, x^2, x^3, x^4 are 1, 2, 15, 96.
  const double error = 5 / std::sqrt(n);
  CHECK(std::abs(sum[0] / n) < error);
  CHECK(std::abs(sum[1] / n - 1) < error * std::sqrt(2));
  CHECK(std::abs(sum[2] / n) < error * std::sqrt(15));
  CHECK(std::abs(sum[3] / n - 3) < error * std::sqrt(96));
  CHECK(std::abs(lag / n) < error);
  CHECK(std::abs(pair / n - 1) < error * 3);
  // Exceeded with a probability of 2 exp(-2 * 2.2^2) = 1.3e-4; the seed is fixed.
  CHECK(kolmogorov_smirnov(x, phi<T>) < 2.2);
  CHECK(*std::max_element(x.begin(), x.end()) > 4.5);
}

TEST_CASE("Our logarithm, sine and cosine agree with the C library's") {
  // Box and Muller's transform of the words that the double normals are made of, redone.
  constexpr std::size_t n = 20'000;
  const std::vector<double> x = normals<double>(n, {5, 6});
  double worst = 0;
  for (std::uint32_t i = 0; i < n / 2; ++i) {
    const auto b = philox4x32_10({i, 3u << 24, 6, 0}, {5, 0});
    const std::uint64_t first = b[0] | std::uint64_t{b[1]} << 32;
    const std::uint64_t second = b[2] | std::uint64_t{b[3]} << 32;
    const double u = (static_cast<double>(first >> 12) + 0.5) * 0x1p-52;
    const double radius = std::sqrt(-2 * std::log(u));
    const long double angle = 2 * std::numbers::pi_v<long double> *
                              (static_cast<long double>(second >> 12) + 0.5L) * 0x1p-52L;
    worst = std::max({worst, std::abs(x[2 * i] - radius * static_cast<double>(std::cos(angle))),
                      std::abs(x[2 * i + 1] - radius * static_cast<double>(std::sin(angle)))});
  }
  CHECK(worst < 4e-15);  // a few units in the last place of numbers up to 6
}

TEMPLATE_TEST_CASE("Uniforms are uniform, in [0, 1), on a grid", "", float, double) {
  using T = TestType;
  std::vector<T> u(500'000);
  fill_uniform<T>({8, 9}, 0, u);
  const T grid = std::is_same_v<T, float> ? T(0x1p24) : T(0x1p53);
  CHECK(std::all_of(u.begin(), u.end(),
                    [&](T v) { return v >= 0 && v < 1 && std::floor(v * grid) == v * grid; }));
  CHECK(kolmogorov_smirnov(u, [](T v) { return static_cast<double>(v); }) < 2.2);
  const Tensor<T> t = random_uniform<T>({100'000}, {1, 1}, T(-3), T(-2.9999));
  CHECK(std::all_of(t.begin(), t.end(), [](T v) { return v >= T(-3) && v < T(-2.9999); }));
  CHECK_THROWS_AS(random_uniform<T>({2}, {1, 1}, T(1), T(1)), ArgumentError);
  CHECK_THROWS_AS(random_uniform<T>({2}, {1, 1}, T(0), T(NAN)), ArgumentError);
}

TEST_CASE("Integers are uniform below their bound") {
  std::vector<std::uint64_t> k(700'000);
  fill_integers({1, 2}, 0, 7, k);
  std::array<double, 7> count{};
  for (const std::uint64_t v : k) {
    REQUIRE(v < 7);
    ++count[v];
  }
  // Chi-squared of 6 degrees of freedom: above 22.5 with a probability of 0.001.
  double chi = 0;
  for (const double c : count) chi += (c - 1e5) * (c - 1e5) / 1e5;
  CHECK(chi < 22.5);
  CHECK_THROWS_AS(fill_integers({1, 2}, 0, 0, k), ArgumentError);
}

TEST_CASE("Seeds, streams and kinds differ") {
  std::vector<std::uint64_t> hashes;
  for (const std::uint64_t seed : {0ull, 1ull, 1ull << 32}) {
    for (const std::uint64_t s : {0ull, 1ull, 1ull << 32, 1ull << 63}) {
      hashes.push_back(hash(normals<float>(16, {seed, s})));
      hashes.push_back(hash(random_permutation(64, {seed, s})));
    }
  }
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

TEST_CASE("Permutations are bijections") {
  for (const std::uint64_t n : {1, 2, 3, 4, 5, 16, 17, 1000, 65'537}) {
    const IndexPermutation permutation(n, {n, 1});
    std::vector<std::uint64_t> a = random_permutation(n, {n, 1}), b(n);
    for (std::uint64_t i = 0; i < n; ++i) b[i] = permutation(i);
    if (n == 65'537) {
      // The number of fixed points is Poisson with mean 1.
      std::uint64_t fixed_a = 0, fixed_b = 0;
      for (std::uint64_t i = 0; i < n; ++i) fixed_a += a[i] == i, fixed_b += b[i] == i;
      CHECK(fixed_a < 8);
      CHECK(fixed_b < 8);
    }
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    for (std::uint64_t i = 0; i < n; ++i) {
      REQUIRE(a[i] == i);
      REQUIRE(b[i] == i);
    }
  }
  CHECK(IndexPermutation(~std::uint64_t{0}, {1, 2})(12345) < ~std::uint64_t{0});
  CHECK(random_permutation(0, {}).empty());
  CHECK_THROWS_AS(IndexPermutation(0, {}), ArgumentError);
}
