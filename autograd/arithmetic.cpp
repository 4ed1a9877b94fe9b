#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {

template <class T>
Var<T> add(const Var<T>& a, const Var<T>& b) {
  // d(a + b) = da + db
  return make_op<T>(
      "add", add(a.value(), b.value()), {a, b},
      [](const Node<T>&, const Var<T>& g) {
        return std::vector<Var<T>>{g, g};
      },
      [](const Node<T>&, std::span<const Var<T>> t) { return sum_of_defined(t[0], t[1]); });
}

template <class T>
Var<T> sub(const Var<T>& a, const Var<T>& b) {
  // d(a - b) = da - db
  return make_op<T>(
      "sub", sub(a.value(), b.value()), {a, b},
      [](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{g, needs(self, 1) ? -g : Var<T>()};
      },
      [](const Node<T>&, std::span<const Var<T>> t) {
        if (t[0] && t[1]) return t[0] - t[1];
        return t[0] ? t[0] : -t[1];
      });
}

template <class T>
Var<T> mul(const Var<T>& a, const Var<T>& b) {
  // d(a b) = b da + a db
  return make_op<T>(
      "mul", zero_wins() ? absorbing_mul(a.value(), b.value()) : mul(a.value(), b.value()), {a, b},
      [](const Node<T>& self, const Var<T>& g) {
        return std::vector<Var<T>>{needs(self, 0) ? g * self.inputs[1] : Var<T>(),
                                   needs(self, 1) ? g * self.inputs[0] : Var<T>()};
      },
      [](const Node<T>& self, std::span<const Var<T>> t) {
        return sum_of_defined(t[0] ? t[0] * self.inputs[1] : Var<T>(),
                              t[1] ? self.inputs[0] * t[1] : Var<T>());
      });
}

template <class T>
Var<T> div(const Var<T>& a, const Var<T>& b) {
  // y = a / b: dy = (da - y db) / b
  return make_op<T>(
      "div", zero_wins() ? absorbing_div(a.value(), b.value()) : div(a.value(), b.value()), {a, b},
      [](const Node<T>& self, const Var<T>& g) {
        const Var<T> of_a = g / within_domain(self.inputs[1], self.value, T(-0.0));
        return std::vector<Var<T>>{of_a, needs(self, 1) ? -(of_a * self.output()) : Var<T>()};
      },
      [](const Node<T>& self, std::span<const Var<T>> t) {
        const Var<T> of_b = t[1] ? -(self.output() * t[1]) : Var<T>();
        return sum_of_defined(t[0], of_b) / within_domain(self.inputs[1], self.value, T(-0.0));
      });
}

template <class T>
Var<T> neg(const Var<T>& x) {
  // d(-x) = -dx
  return make_op<T>(
      "neg", neg(x.value()), {x},
      [](const Node<T>&, const Var<T>& g) { return std::vector<Var<T>>{-g}; },
      [](const Node<T>&, std::span<const Var<T>> t) { return -t[0]; });
}

template <class T>
Var<T> pow(const Var<T>& x, std::type_identity_t<T> exponent) {
  // dy/dx = c x^(c-1), c the exponent
  return make_elementwise_op(
      "pow", pow_scalar(x.value(), exponent), x,
      [exponent](const Node<T>& self) { return pow(self.inputs[0], exponent - 1) * exponent; });
}

template <class T>
Var<T> pow(const Var<T>& x, const Var<T>& exponent) {
  // y = x^c: dy = c x^(c-1) dx + y log(x) dc
  return make_op<T>(
      "pow", pow(x.value(), exponent.value()), {x, exponent},
      [](const Node<T>& self, const Var<T>& g) {
        const auto &base = self.inputs[0], &power = self.inputs[1];
        return std::vector<Var<T>>{needs(self, 0) ? g * power * pow(base, power - 1) : Var<T>(),
                                   needs(self, 1) ? g * self.output() * log(base) : Var<T>()};
      },
      [](const Node<T>& self, std::span<const Var<T>> t) {
        const auto &base = self.inputs[0], &power = self.inputs[1];
        return sum_of_defined(t[0] ? t[0] * power * pow(base, power - 1) : Var<T>(),
                              t[1] ? t[1] * self.output() * log(base) : Var<T>());
      });
}

namespace {

// 1 where a > b, 1/2 where they are equal, else 0: the derivative of max(a, b) with respect to a.
template <class T>
Tensor<T> share_of_larger(const Var<T>& a, const Var<T>& b) {
  return sub(greater_equal(a.value(), b.value()), mul_scalar(equal(a.value(), b.value()), T(0.5)));
}

// d max(a, b) = s da + (1 - s) db with the share s of a; the same for min, with another s. The
// shares are constants: the second derivative is zero where there is one.
template <class T, class Share>
Var<T> make_choice_op(const char* name, Tensor<T> value, const Var<T>& a, const Var<T>& b,
                      Share share) {
  return make_op<T>(
      name, std::move(value), {a, b},
      [share](const Node<T>& self, const Var<T>& g) {
        const Var<T> s = nan_where_nan(share(self.inputs[0], self.inputs[1]), self.value);
        return std::vector<Var<T>>{g * s, needs(self, 1) ? g * (T(1) - s) : Var<T>()};
      },
      [share](const Node<T>& self, std::span<const Var<T>> t) {
        const Var<T> s = nan_where_nan(share(self.inputs[0], self.inputs[1]), self.value);
        return sum_of_defined(t[0] ? t[0] * s : Var<T>(), t[1] ? t[1] * (T(1) - s) : Var<T>());
      });
}

}  // namespace

template <class T>
Var<T> maximum(const Var<T>& a, const Var<T>& b) {
  return make_choice_op("maximum", maximum(a.value(), b.value()), a, b,
                        [](const Var<T>& p, const Var<T>& q) { return share_of_larger(p, q); });
}

template <class T>
Var<T> minimum(const Var<T>& a, const Var<T>& b) {
  return make_choice_op("minimum", minimum(a.value(), b.value()), a, b,
                        [](const Var<T>& p, const Var<T>& q) { return share_of_larger(q, p); });
}

#define PAPILLON_INSTANTIATE(T)                          \
  template Var<T> add(const Var<T>&, const Var<T>&);     \
  template Var<T> sub(const Var<T>&, const Var<T>&);     \
  template Var<T> mul(const Var<T>&, const Var<T>&);     \
  template Var<T> div(const Var<T>&, const Var<T>&);     \
  template Var<T> neg(const Var<T>&);                    \
  template Var<T> pow<T>(const Var<T>&, T);              \
  template Var<T> pow(const Var<T>&, const Var<T>&);     \
  template Var<T> maximum(const Var<T>&, const Var<T>&); \
  template Var<T> minimum(const Var<T>&, const Var<T>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
