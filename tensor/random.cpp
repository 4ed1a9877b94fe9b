// Philox and what is made from it, the same bits on every machine.
#include "papillon/tensor/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "papillon/tensor/internal/box_muller.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

using detail::box_muller;
using detail::Pair;
using detail::to_double;

// Sequences of different kinds never share a block: the kind is the top byte of the 64-bit index.
enum class Kind : std::uint32_t { uniform32, uniform64, normal32, normal64, integer, permutation };

constexpr std::uint64_t blocks_per_kind = std::uint64_t{1} << 56;

constexpr std::size_t blocks_per_tile = 64;

// Words 0 ... 3 of a tile's blocks, each kind of word contiguous.
struct alignas(64) Tile {
  std::uint32_t word[4][blocks_per_tile];
};

struct PhiloxState {
  std::uint32_t c0, c1, c2, c3;
};

PAPILLON_INLINE PhiloxState philox(PhiloxState s, std::uint32_t k0, std::uint32_t k1) {
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * s.c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * s.c2;
    s = {static_cast<std::uint32_t>(p1 >> 32) ^ s.c1 ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ s.c3 ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return s;
}

PAPILLON_INLINE void philox_tile(RandomStream stream, Kind kind, std::uint64_t first,
                                 std::size_t count, Tile& tile) {
  const auto k0 = static_cast<std::uint32_t>(stream.seed);
  const auto k1 = static_cast<std::uint32_t>(stream.seed >> 32);
  const auto s0 = static_cast<std::uint32_t>(stream.stream);
  const auto s1 = static_cast<std::uint32_t>(stream.stream >> 32);
  const std::uint64_t index = first | static_cast<std::uint64_t>(kind) << 56;
  const auto low = static_cast<std::uint32_t>(index);
  const auto high = static_cast<std::uint32_t>(index >> 32);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t c0 = low + static_cast<std::uint32_t>(i);
    const PhiloxState s = philox({c0, high + (c0 < low ? 1u : 0u), s0, s1}, k0, k1);
    tile.word[0][i] = s.c0;
    tile.word[1][i] = s.c1;
    tile.word[2][i] = s.c2;
    tile.word[3][i] = s.c3;
  }
}

PAPILLON_INLINE std::uint64_t word64(const Tile& tile, int pair, std::size_t i) {
  return tile.word[2 * pair][i] | std::uint64_t{tile.word[2 * pair + 1][i]} << 32;
}

// Each of these turns blocks [first, first + count) into 16 * count bytes of numbers.
PAPILLON_CLONES void normal_blocks(RandomStream stream, std::uint64_t first, std::size_t count,
                                   float* out) {
  Tile tile;
  philox_tile(stream, Kind::normal32, first, count, tile);
  alignas(64) float normal[4][blocks_per_tile];
  for (int pair = 0; pair < 4; pair += 2) {
    for (std::size_t i = 0; i < count; ++i) {
      const Pair p = box_muller(tile.word[pair][i], tile.word[pair + 1][i]);
      normal[pair][i] = static_cast<float>(p.cosine);
      normal[pair + 1][i] = static_cast<float>(p.sine);
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < 4; ++j) out[4 * i + j] = normal[j][i];
}

PAPILLON_CLONES void normal_blocks(RandomStream stream, std::uint64_t first, std::size_t count,
                                   double* out) {
  Tile tile;
  philox_tile(stream, Kind::normal64, first, count, tile);
  for (std::size_t i = 0; i < count; ++i) {
    const Pair p = box_muller(word64(tile, 0, i), word64(tile, 1, i));
    out[2 * i] = p.cosine;
    out[2 * i + 1] = p.sine;
  }
}

PAPILLON_CLONES void uniform_blocks(RandomStream stream, std::uint64_t first, std::size_t count,
                                    float* out) {
  Tile tile;
  philox_tile(stream, Kind::uniform32, first, count, tile);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      out[4 * i + j] =
          static_cast<float>(static_cast<std::int32_t>(tile.word[j][i] >> 8)) * 0x1p-24f;
}

PAPILLON_CLONES void uniform_blocks(RandomStream stream, std::uint64_t first, std::size_t count,
                                    double* out) {
  Tile tile;
  philox_tile(stream, Kind::uniform64, first, count, tile);
  for (std::size_t i = 0; i < count; ++i)
    for (int pair = 0; pair < 2; ++pair) {
      // 53 bits as 32 and 21, each exact.
      const std::uint64_t bits = word64(tile, pair, i) >> 11;
      out[2 * i + static_cast<std::size_t>(pair)] =
          to_double(bits >> 21) * 0x1p-32 + to_double(bits & 0x1FFFFFu) * 0x1p-53;
    }
}

template <Kind kind>
void word_blocks(RandomStream stream, std::uint64_t first, std::size_t count, std::uint64_t* out) {
  Tile tile;
  philox_tile(stream, kind, first, count, tile);
  for (std::size_t i = 0; i < count; ++i)
    for (int pair = 0; pair < 2; ++pair)
      out[2 * i + static_cast<std::size_t>(pair)] = word64(tile, pair, i);
}

// Elements first, first + 1, ...; a block of which only a part is needed passes through a buffer.
template <class T>
void fill_range(RandomStream stream, std::uint64_t first, std::span<T> out,
                void (*fill_blocks)(RandomStream, std::uint64_t, std::size_t, T*)) {
  constexpr std::size_t per_block = 16 / sizeof(T);
  constexpr std::uint64_t limit = per_block * blocks_per_kind;
  if (first > limit || out.size() > limit - first)
    throw ArgumentError("random numbers: " + std::to_string(out.size()) + " from number " +
                        std::to_string(first) + " on; a stream has " + std::to_string(limit));
  while (!out.empty()) {
    const std::uint64_t block = first / per_block;
    const std::size_t skip = first % per_block;
    std::size_t count;
    if (skip == 0 && out.size() >= per_block) {
      const std::size_t blocks = std::min(out.size() / per_block, blocks_per_tile);
      fill_blocks(stream, block, blocks, out.data());
      count = blocks * per_block;
    } else {
      T buffer[per_block];
      fill_blocks(stream, block, 1, buffer);
      count = std::min(per_block - skip, out.size());
      std::copy_n(buffer + skip, count, out.data());
    }
    out = out.subspan(count);
    first += count;
  }
}

// floor(word * bound / 2^64)
std::uint64_t scale(std::uint64_t word, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(word) * bound) >> 64);
}

// Large tensors are filled by all threads; the numbers depend on their index alone.
template <class T, class Fill>
void fill_threaded(std::span<T> out, Fill fill) {
  constexpr std::size_t piece = 1 << 15;
  parallel_for((out.size() + piece - 1) / piece, [&](std::size_t i) {
    fill(i * piece, out.subspan(i * piece, std::min(piece, out.size() - i * piece)));
  });
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key) {
  const PhiloxState s = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  return {s.c0, s.c1, s.c2, s.c3};
}

template <class T>
void fill_uniform(RandomStream stream, std::uint64_t first, std::span<T> out) {
  fill_range<T>(stream, first, out, uniform_blocks);
}

template <class T>
void fill_normal(RandomStream stream, std::uint64_t first, std::span<T> out) {
  fill_range<T>(stream, first, out, normal_blocks);
}

void fill_integers(RandomStream stream, std::uint64_t first, std::uint64_t bound,
                   std::span<std::uint64_t> out) {
  if (bound == 0) throw ArgumentError("fill_integers: the bound must be at least 1, not 0");
  fill_range(stream, first, out, word_blocks<Kind::integer>);
  for (std::uint64_t& value : out) value = scale(value, bound);
}

template <class T>
Tensor<T> random_uniform(const Shape& shape, RandomStream stream, T low, T high) {
  if (!(low < high) || !std::isfinite(high - low)) {
    throw ArgumentError("random_uniform: needs finite low < high, not low = " +
                        std::to_string(low) + ", high = " + std::to_string(high));
  }
  Tensor<T> result(shape);
  const T below_high = std::nextafter(high, low);
  fill_threaded(result.span(), [&](std::uint64_t first, std::span<T> out) {
    fill_uniform<T>(stream, first, out);
    for (T& value : out) value = std::min(low + (high - low) * value, below_high);
  });
  return result;
}

template <class T>
Tensor<T> random_normal(const Shape& shape, RandomStream stream) {
  Tensor<T> result(shape);
  fill_threaded(result.span(),
                [&](std::uint64_t first, std::span<T> out) { fill_normal<T>(stream, first, out); });
  return result;
}

#define PAPILLON_INSTANTIATE(T)                                          \
  template void fill_uniform(RandomStream, std::uint64_t, std::span<T>); \
  template void fill_normal(RandomStream, std::uint64_t, std::span<T>);  \
  template Tensor<T> random_uniform(const Shape&, RandomStream, T, T);   \
  template Tensor<T> random_normal(const Shape&, RandomStream);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

std::vector<std::uint64_t> random_permutation(std::uint64_t n, RandomStream stream) {
  std::vector<std::uint64_t> result(n), words(n);
  std::iota(result.begin(), result.end(), std::uint64_t{0});
  fill_range<std::uint64_t>(stream, 0, words, word_blocks<Kind::permutation>);
  for (std::uint64_t i = n; i > 1; --i) std::swap(result[i - 1], result[scale(words[i - 1], i)]);
  return result;
}

IndexPermutation::IndexPermutation(std::uint64_t n, RandomStream stream) : n_(n) {
  if (n == 0) throw ArgumentError("IndexPermutation: needs at least 1 element, not 0");
  half_bits_ = std::max(1u, (static_cast<unsigned>(std::bit_width(n - 1)) + 1) / 2);
  std::uint64_t keys[4];
  // Blocks that random_permutation does not reach.
  fill_range<std::uint64_t>(stream, blocks_per_kind, keys, word_blocks<Kind::permutation>);
  for (std::size_t i = 0; i < 8; ++i) {
    round_keys_[i] = static_cast<std::uint32_t>(keys[i / 2] >> (32 * (i % 2)));
  }
}

std::uint64_t IndexPermutation::operator()(std::uint64_t i) const {
  const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << half_bits_) - 1);
  do {
    auto left = static_cast<std::uint32_t>(i >> half_bits_);
    auto right = static_cast<std::uint32_t>(i) & mask;
    for (const std::uint32_t key : round_keys_) {
      std::uint32_t h = right ^ key;  // MurmurHash3's finaliser
      h = (h ^ h >> 16) * 0x85EBCA6Bu;
      h = (h ^ h >> 13) * 0xC2B2AE35u;
      h ^= h >> 16;
      left = std::exchange(right, (left ^ h) & mask);
    }
    i = std::uint64_t{left} << half_bits_ | right;
  } while (i >= n_);  // walks the cycle back into the range; the domain is below 4 n
  return i;
}

}  // namespace papillon
