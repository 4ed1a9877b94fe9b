// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC11). Number i of a stream is a function of (seed, stream, i) alone: the same on every
// platform, whatever the batch size, the tile size and the number of threads.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

// One block of the generator: ten rounds of Philox 4x32.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter,
                                           std::array<std::uint32_t, 2> key);

// Stream numbers below 2^48 are the caller's; the library's own come from random_streams.hpp.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

// Elements first, first + 1, ... of the stream's sequence of that kind and precision; all throw
// ArgumentError beyond its end, after 2^57 numbers (of float 2^58).
// uniform: in [0, 1), multiples of 2^-24 (float) or 2^-53 (double).
template <class T>
void fill_uniform(RandomStream stream, std::uint64_t first, std::span<T> out);
// normal: mean 0, standard deviation 1, by Box and Muller's transform, computed in double with our
// own logarithm, sine and cosine (those of the C library differ between platforms).
template <class T>
void fill_normal(RandomStream stream, std::uint64_t first, std::span<T> out);
// integers: uniform in [0, bound) without bias worth measuring (64-bit multiply-shift: at most
// bound / 2^64); throws ArgumentError if bound is 0.
void fill_integers(RandomStream stream, std::uint64_t first, std::uint64_t bound,
                   std::span<std::uint64_t> out);

// A tensor of the first numbers of a stream: uniform in [low, high), or normal.
template <class T>
Tensor<T> random_uniform(const Shape& shape, RandomStream stream, T low = 0, T high = 1);
template <class T>
Tensor<T> random_normal(const Shape& shape, RandomStream stream);

// A random permutation of 0 ... n-1 (Fisher and Yates).
std::vector<std::uint64_t> random_permutation(std::uint64_t n, RandomStream stream);

// A random permutation of 0 ... n-1 that takes no memory: a Feistel network on the next power of
// four, walked until the value is below n. Element i costs O(1), so a data loader can resume
// anywhere.
class IndexPermutation {
 public:
  // Throws ArgumentError if n is 0.
  IndexPermutation(std::uint64_t n, RandomStream stream);
  std::uint64_t operator()(std::uint64_t i) const;  // i < n
  std::uint64_t size() const { return n_; }

 private:
  std::uint64_t n_;
  unsigned half_bits_;
  std::array<std::uint32_t, 8> round_keys_;
};

}  // namespace papillon
