#include "papillon/autograd/op.hpp"

namespace papillon {
namespace {
constexpr Transpose flip(Transpose t) {
  return t == Transpose::no ? Transpose::yes : Transpose::no;
}
}  // namespace

template <class T>
Var<T> matmul(const Var<T>& a, const Var<T>& b, Transpose ta, Transpose tb) {
  // C = A B: dC = dA B + A dB, so the gradients are G Bᵀ and Aᵀ G; transposed where A or B is.
  return make_op<T>(
      "matmul", matmul(a.value(), b.value(), ta, tb), {a, b},
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
