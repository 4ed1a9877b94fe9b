// A host's own xtensor code on the arrays under tensors, with every name of ours in sight.
#include <cmath>
#include <papillon/autograd/ops.hpp>
#include <papillon/tensor/elementwise.hpp>
#include <papillon/tensor/manipulate.hpp>
#include <papillon/tensor/random.hpp>
#include <papillon/tensor/reduce.hpp>
#if __has_include(<xtensor/core/xmath.hpp>)  // xtensor 0.26 and later
#include <xtensor/core/xmath.hpp>
#include <xtensor/misc/xsort.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xsort.hpp>
#include <xtensor/xview.hpp>
#endif

using namespace papillon;

int main() {
  const auto t = random_normal<double>({100, 3}, {.seed = 1});
  const auto& a = t.array();
  const auto near = [](double x, double y) { return std::abs(x - y) < 1e-12; };

  bool right = near(xt::mean(a)(), mean(t).item()) && near(xt::sum(a)(), sum(t).item()) &&
               xt::amax(a)() == max(t).item() && near(xt::sum(xt::exp(a))(), sum(exp(t)).item());
  const Tensor<double>::Array means = xt::mean(a, {0});
  for (std::size_t j = 0; j < 3; ++j) right &= near(means(j), mean(t, {0})[j]);
  right &= near(xt::mean(xt::view(a, xt::all(), 1))(), mean(t, {0})[1]);
  right &= xt::minimum(a, 0.0)(0) <= 0 && xt::all(xt::isfinite(a));
  right &= t[xt::argmax(a)()] == max(t).item();

  // And back: the result of an expression is a tensor again.
  const auto doubled = Tensor<double>::from_array(xt::abs(a) * 2.0);
  return right && max_abs_difference(doubled, mul_scalar(abs(t), 2.0)) == 0 ? 0 : 1;
}
