// Feature-wise linear modulation (Perez et al. 2018): x (1 + scale) + shift, where scale and shift
// are one linear function of a conditioning vector.
#pragma once

#include "papillon/nn/linear.hpp"

namespace papillon {

template <class T>
struct Film {
  using value_type = T;

  Film() = default;
  Film(std::size_t features, std::size_t condition, RandomStream stream, std::uint64_t layer = 0)
      : affine_film(condition, 2 * features, stream, layer) {}

  // x [N, features], condition [N, c]
  Var<T> operator()(const Var<T>& x, const Var<T>& condition) const {
    const Var<T> affine = affine_film(condition);
    const std::size_t n = affine.shape().back() / 2;
    return x * (slice(affine, -1, 0, n) + T(1)) + slice(affine, -1, n, 2 * n);
  }

  Linear<T> affine_film;  // the first half of its outputs is the scale, the second the shift

  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("affine_film", self.affine_film);
  }
};

}  // namespace papillon
