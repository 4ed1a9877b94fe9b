// Box and Muller's transform with a logarithm, sine and cosine of our own: those of the C library
// differ between platforms. Multiplications and additions must not be contracted where this is
// included (-ffp-contract=off for random.cpp in CMakeLists.txt): then every machine gives the same
// bits. Only operations that every vector instruction set has, so that loops over these vectorise.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "papillon/tensor/compat.hpp"

namespace papillon::detail {

// An integer below 2^52 as a double, in operations that every vector instruction set has.
PAPILLON_INLINE double to_double(std::uint64_t i) {
  return std::bit_cast<double>(i | 0x4330000000000000u) - 0x1p52;
}

// log u for u in (0, 1]: u = m 2^k, sqrt(1/2) <= m < sqrt(2); then fdlibm's e_log.c.
PAPILLON_INLINE double log_unit(double u) {
  constexpr std::uint64_t sqrt_half = 0x3FE6A09E667F3BCDu;
  constexpr std::uint64_t bias = std::uint64_t{1023} << 52;
  const auto bits = std::bit_cast<std::uint64_t>(u);
  const std::uint64_t shifted = bits - sqrt_half + bias;
  const double k = to_double(shifted >> 52) - 1023;
  const double f =
      std::bit_cast<double>(bits + bias - (shifted & (std::uint64_t{0xFFF} << 52))) - 1;
  const double s = f / (2 + f);
  const double z = s * s;
  const double w = z * z;
  const double even =
      w * (0x1.999999997fa04p-2 + w * (0x1.c71c51d8e78afp-3 + w * 0x1.39a09d078c69fp-3));
  const double odd =
      z * (0x1.5555555555593p-1 +
           w * (0x1.2492494229359p-2 + w * (0x1.7466496cb03dep-3 + w * 0x1.2f112df3e5244p-3)));
  const double half_square = 0.5 * f * f;
  return k * 0x1.62e42feep-1 -
         ((half_square - (s * (half_square + (even + odd)) + k * 0x1.a39ef35793c76p-33)) - f);
}

struct Pair {
  double cosine, sine;
};

// Cosine and sine of x + quadrant * pi/2, |x| <= pi/4, of the two lowest bits of quadrant:
// fdlibm's k_sin.c and k_cos.c.
PAPILLON_INLINE Pair cos_sin(double x, std::uint64_t quadrant) {
  const double z = x * x;
  const double sine =
      x + x * z *
              (-0x1.5555555555549p-3 +
               z * (0x1.111111110f8a6p-7 +
                    z * (-0x1.a01a019c161d5p-13 +
                         z * (0x1.71de357b1fe7dp-19 +
                              z * (-0x1.ae5e68a2b9cebp-26 + z * 0x1.5d93a5acfd57cp-33)))));
  const double cosine =
      1 -
      (0.5 * z - z * z *
                     (0x1.555555555554cp-5 +
                      z * (-0x1.6c16c16c15177p-10 +
                           z * (0x1.a01a019cb159p-16 +
                                z * (-0x1.27e4f809c52adp-22 +
                                     z * (0x1.1ee9ebdb4b1c4p-29 + z * -0x1.8fae9be8838d4p-37))))));
  const std::uint64_t swap = 0 - (quadrant & 1);
  const auto c = std::bit_cast<std::uint64_t>(cosine);
  const auto s = std::bit_cast<std::uint64_t>(sine);
  const std::uint64_t difference = (c ^ s) & swap;
  const std::uint64_t cosine_sign = ((quadrant + 1) & 2) << 62;
  const std::uint64_t sine_sign = (quadrant & 2) << 62;
  return {std::bit_cast<double>(c ^ difference ^ cosine_sign),
          std::bit_cast<double>(s ^ difference ^ sine_sign)};
}

constexpr double quarter_turn = std::numbers::pi / 2;

// Two normals from two words: radius of the first, angle of the second.
PAPILLON_INLINE Pair box_muller(std::uint32_t a, std::uint32_t b) {
  const double radius = std::sqrt(-2 * log_unit((to_double(a) + 0.5) * 0x1p-32));
  const std::uint32_t shifted = b + (1u << 29);  // + 1/8 turn: quadrant and a rest in [-1/2, 1/2)
  const double rest = to_double(shifted & 0x3FFFFFFFu) - (0x1p29 - 0.5);
  const Pair p = cos_sin(rest * (quarter_turn * 0x1p-30), shifted >> 30);
  return {radius * p.cosine, radius * p.sine};
}

// The same from 52 bits each.
PAPILLON_INLINE Pair box_muller(std::uint64_t a, std::uint64_t b) {
  const double radius = std::sqrt(-2 * log_unit((to_double(a >> 12) + 0.5) * 0x1p-52));
  const std::uint64_t shifted = (b >> 12) + (std::uint64_t{1} << 49);
  const double rest = to_double(shifted & 0x3FFFFFFFFFFFFu) - (0x1p49 - 0.5);
  const Pair p = cos_sin(rest * (quarter_turn * 0x1p-50), shifted >> 50);
  return {radius * p.cosine, radius * p.sine};
}

}  // namespace papillon::detail
