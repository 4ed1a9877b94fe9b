#include <cmath>

#include "papillon/autograd/op.hpp"

namespace papillon {
namespace {
constexpr Transpose flip(Transpose t) {
  return t == Transpose::no ? Transpose::yes : Transpose::no;
}

// In a derivative, infinities and NaN in a row that the loss does not use are multiplied by zeros.
// Entries that are not finite are summed again, without the terms that have a factor of zero.
template <class T>
Tensor<T> product(const Tensor<T>& a, const Tensor<T>& b, Transpose ta, Transpose tb) {
  Tensor<T> c = matmul(a, b, ta, tb);
  if (!zero_wins() || all_finite(c)) return c;
  const std::size_t depth = a.extent(ta == Transpose::no ? 1 : 0);
  for (std::size_t i = 0; i < c.extent(0); ++i)
    for (std::size_t j = 0; j < c.extent(1); ++j) {
      if (std::isfinite(c(i, j))) continue;
      c(i, j) = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        const T x = ta == Transpose::no ? a(i, k) : a(k, i);
        const T y = tb == Transpose::no ? b(k, j) : b(j, k);
        if (x != 0 && y != 0) c(i, j) += x * y;
      }
    }
  return c;
}

}  // namespace

template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transpose ta, Transpose tb) {
  // C = A B: dC = dA B + A dB, so the gradients are G Bᵀ and Aᵀ G; transposed where A or B is.
  return make_op<T>(
      "matmul", product(a.value(), b.value(), ta, tb), {a, b},
      [ta, tb](const Node<T>& self, const Var<T>& g) {
        const auto &l = self.inputs[0], &r = self.inputs[1];
        std::vector<Var<T>> grads(2);
        if (needs(self, 0))
          grads[0] = ta == Transpose::no ? matmul(g, r, Transpose::no, flip(tb))
                                         : matmul(r, g, tb, Transpose::yes);
        if (needs(self, 1))
          grads[1] = tb == Transpose::no ? matmul(l, g, flip(ta), Transpose::no)
                                         : matmul(g, l, Transpose::yes, ta);
        return grads;
      },
      [ta, tb](const Node<T>& self, std::span<const Var<T>> t) {
        return sum_of_defined(t[0] ? matmul(t[0], self.inputs[1], ta, tb) : Var<T>(),
                              t[1] ? matmul(self.inputs[0], t[1], ta, tb) : Var<T>());
      });
}

template Var<float> matmul(const Var<float>&, const Var<float>&, Transpose, Transpose);
template Var<double> matmul(const Var<double>&, const Var<double>&, Transpose, Transpose);

}  // namespace papillon
