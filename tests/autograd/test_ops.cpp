// Every op: its two derivatives are adjoint to each other, forward-over-reverse agrees with
// reverse-over-reverse, and recording the derivatives does not change them. (That they are the
// right derivatives is for gradcheck to say.)
#include <functional>
#include <limits>
#include <string>

#include "catch.hpp"
#include "papillon/autograd/custom.hpp"
#include "papillon/tensor/elementwise.hpp"
#include "papillon/tensor/random.hpp"

using namespace papillon;

namespace {

template <class T>
struct Case {
  std::string name;
  std::vector<Shape> shapes;
  std::function<Var<T>(const std::vector<Var<T>>&)> op;
};

// Inputs are drawn from [0.2, 0.9]: inside every op's domain, and away from kinks but for clip,
// maximum and minimum, whose kinks random numbers do not hit.
template <class T>
std::vector<Case<T>> all_ops() {
  using V = const std::vector<Var<T>>&;
  const auto no = Transpose::no, yes = Transpose::yes;
  const Shape m = {3, 4}, row = {4}, column = {3, 1}, one = {};
  const std::vector<std::int64_t> indices = {2, 0, 2, 1, 2};
  return {{"add", {m, row}, [](V x) { return x[0] + x[1]; }},
          {"add outer", {row, column}, [](V x) { return x[0] + x[1]; }},
          {"sub", {m, column}, [](V x) { return x[0] - x[1]; }},
          {"sub from scalar", {one, m}, [](V x) { return x[0] - x[1]; }},
          {"mul", {row, m}, [](V x) { return x[0] * x[1]; }},
          {"mul by itself", {m}, [](V x) { return x[0] * x[0]; }},
          {"div", {m, row}, [](V x) { return x[0] / x[1]; }},
          {"div scalar", {one, m}, [](V x) { return x[0] / x[1]; }},
          {"neg", {m}, [](V x) { return -x[0]; }},
          {"numbers", {m}, [](V x) { return (2 - x[0] * 3) / 4 + 1 / (x[0] + 1) - (x[0] - 2); }},
          {"pow number", {m}, [](V x) { return pow(x[0], T(2.5)); }},
          {"pow", {m, row}, [](V x) { return pow(x[0], x[1]); }},
          {"maximum", {m, row}, [](V x) { return maximum(x[0], x[1]); }},
          {"minimum", {m, row}, [](V x) { return minimum(x[0], x[1]); }},
          {"exp", {m}, [](V x) { return exp(x[0]); }},
          {"log", {m}, [](V x) { return log(x[0]); }},
          {"sqrt", {m}, [](V x) { return sqrt(x[0]); }},
          {"sin", {m}, [](V x) { return sin(x[0]); }},
          {"cos", {m}, [](V x) { return cos(x[0]); }},
          {"tanh", {m}, [](V x) { return tanh(x[0]); }},
          {"erf", {m}, [](V x) { return erf(x[0]); }},
          {"abs", {m}, [](V x) { return abs(x[0] - T(0.5)); }},
          {"clip", {m}, [](V x) { return clip(x[0], T(0.4), T(0.7)); }},
          {"sigmoid", {m}, [](V x) { return sigmoid(x[0]); }},
          {"relu", {m}, [](V x) { return relu(x[0] - T(0.5)); }},
          {"silu", {m}, [](V x) { return silu(x[0]); }},
          {"gelu", {m}, [](V x) { return gelu(x[0]); }},
          {"matmul nn", {{2, 3}, {3, 4}}, [=](V x) { return matmul(x[0], x[1], no, no); }},
          {"matmul nt", {{2, 3}, {4, 3}}, [=](V x) { return matmul(x[0], x[1], no, yes); }},
          {"matmul tn", {{3, 2}, {3, 4}}, [=](V x) { return matmul(x[0], x[1], yes, no); }},
          {"matmul tt", {{3, 2}, {4, 3}}, [=](V x) { return matmul(x[0], x[1], yes, yes); }},
          {"sum", {m}, [](V x) { return sum(x[0]); }},
          {"sum axis", {{2, 3, 4}}, [](V x) { return sum(x[0], {1}); }},
          {"sum kept",
           {{2, 3, 4}},
           [](V x) {
             return sum(x[0], {0, -1}, true);
           }},
          {"mean", {m}, [](V x) { return mean(x[0]); }},
          {"mean axes",
           {{2, 3, 4}},
           [](V x) {
             return mean(x[0], {-1, 0});
           }},
          {"log_sum_exp", {m}, [](V x) { return log_sum_exp(x[0], 0); }},
          {"log_sum_exp kept", {m}, [](V x) { return log_sum_exp(x[0], -1, true); }},
          {"softmax", {m}, [](V x) { return softmax(x[0], 1); }},
          {"softmax first axis", {m}, [](V x) { return softmax(x[0], 0); }},
          {"reshape",
           {m},
           [](V x) {
             return reshape(x[0], {2, -1});
           }},
          {"transpose", {m}, [](V x) { return transpose(x[0]); }},
          {"transpose axes",
           {{2, 3, 4}},
           [](V x) {
             return transpose(x[0], {2, 0, 1});
           }},
          {"broadcast_to",
           {column},
           [](V x) {
             return broadcast_to(x[0], {2, 3, 4});
           }},
          {"sum_to",
           {{2, 3, 4}},
           [](V x) {
             return sum_to(x[0], {3, 1});
           }},
          {"concatenate", {m, {3, 2}, m}, [](V x) { return concatenate(x, 1); }},
          {"concatenate twice",
           {m},
           [](V x) {
             return concatenate<T>({x[0], x[0]}, -2);
           }},
          {"slice", {m}, [](V x) { return slice(x[0], 1, 1, 3); }},
          {"gather_rows", {m}, [=](V x) { return gather_rows(x[0], indices); }},
          {"scatter_add_rows", {{5, 2}}, [=](V x) { return scatter_add_rows(x[0], indices, 4); }},
          {"layer_norm", {{3, 5}}, [](V x) { return layer_norm(x[0]); }},
          {"mse_loss", {m, m}, [](V x) { return mse_loss(x[0], x[1]); }},
          {"mae_loss", {m, m}, [](V x) { return mae_loss(x[0], x[1]); }},
          {"custom_op", {m}, [](V x) {
             return custom_op(
                 "cube", {x[0]}, [](const Tensor<T>& v) { return pow_scalar(v, T(3)); },
                 [](const Node<T>& self, const Var<T>& g) {
                   return std::vector<Var<T>>{g * pow(self.inputs[0], 2) * 3};
                 },
                 [](const Node<T>& self, std::span<const Var<T>> t) {
                   return t[0] * pow(self.inputs[0], 2) * 3;
                 });
           }}};
}

template <class T>
struct Sum {
  double value = 0, magnitude = 0;
  void add(const Tensor<T>& a, const Tensor<T>& b) {
    REQUIRE(a.shape() == b.shape());
    for (std::size_t i = 0; i < a.size(); ++i) {
      value += double(a[i]) * double(b[i]);
      magnitude += std::abs(double(a[i]) * double(b[i]));
    }
  }
};

// Rounding of a few dozen operations on numbers of order one; second derivatives of r (layer_norm)
// amplify it by up to 1/std² ~ 30.
template <class T>
constexpr double tolerance = 2000 * std::numeric_limits<T>::epsilon();

}  // namespace

TEMPLATE_TEST_CASE("the derivatives of every op are consistent", "[ops]", float, double) {
  using T = TestType;
  std::uint64_t stream = 0;
  for (const Case<T>& c : all_ops<T>()) {
    INFO(c.name);
    std::vector<Var<T>> x, v;
    for (const Shape& shape : c.shapes) {
      x.push_back(Var<T>::parameter(random_uniform<T>(shape, {1, stream++}, T(0.2), T(0.9))));
      v.push_back(random_normal<T>(shape, {1, stream++}));
    }
    const Var<T> y = c.op(x);
    const Var<T> w = random_normal<T>(y.shape(), {1, stream++});

    // <w, J v> = <Jᵀ w, v>, with all inputs moving and with each alone
    const std::vector<Var<T>> back = vjp(y, x, w);
    Sum<T> forward, reverse;
    forward.add(w.value(), jvp(y, x, v).value());
    for (std::size_t i = 0; i < x.size(); ++i) {
      reverse.add(back[i].value(), v[i].value());
      Sum<T> one_forward, one_reverse;
      one_forward.add(w.value(), jvp(y, {x[i]}, {v[i]}).value());
      one_reverse.add(vjp(y, {x[i]}, w)[0].value(), v[i].value());
      CHECK(std::abs(one_forward.value - one_reverse.value) <=
            tolerance<T> * (one_forward.magnitude + one_reverse.magnitude));
    }
    CHECK(std::abs(forward.value - reverse.value) <=
          tolerance<T> * (forward.magnitude + reverse.magnitude));

    // recorded or not, the same numbers
    const Var<T> loss = sum(y * y * w);
    const auto plain = gradient(loss, x), recorded = gradient(loss, x, true);
    Var<T> slope(T(0));
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(max_abs_difference(plain[i].value(), recorded[i].value()) <= 10 * tolerance<T>);
      slope = slope + sum(recorded[i] * v[i]);
    }
    // H v by forward over reverse and by reverse over reverse
    const auto forward_over_reverse = hessian_vector_product(loss, x, v);
    const auto reverse_over_reverse = gradient(slope, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      Sum<T> size;
      size.add(reverse_over_reverse[i].value(), reverse_over_reverse[i].value());
      CHECK(max_abs_difference(forward_over_reverse[i].value(), reverse_over_reverse[i].value()) <=
            10 * tolerance<T> * (1 + std::sqrt(size.value)));
    }
  }
}

TEST_CASE("values and gradients at the points that need a decision", "[ops]") {
  using V = Var<double>;
  const auto slope = [](auto f, double at) {
    const V x = V::parameter(Tensor<double>::scalar(at));
    return gradient(V(f(x)), {x})[0].item();
  };
  CHECK(slope([](const V& x) { return relu(x); }, 0) == 0);
  CHECK(slope([](const V& x) { return abs(x); }, 0) == 0);
  CHECK(slope([](const V& x) { return clip(x, 0, 1); }, 1) == 1);
  CHECK(slope([](const V& x) { return clip(x, 0, 1); }, 1.5) == 0);
  CHECK(slope([](const V& x) { return pow(x, 2); }, 0) == 0);
  CHECK(slope([](const V& x) { return pow(x, 1); }, 0) == 1);
  CHECK(slope([](const V& x) { return pow(x, 0); }, 0) == 0);
  CHECK(slope([](const V& x) { return maximum(x, V(2)); }, 2) == 0.5);
  CHECK(slope([](const V& x) { return minimum(x, V(2)); }, 2) == 0.5);
  CHECK(slope([](const V& x) { return maximum(x, x); }, 2) == 1);
  // third derivative of x³ at 0, by differentiating three times
  const V x = V::parameter(Tensor<double>::scalar(0));
  const V first = gradient(pow(x, 3), {x}, true)[0];
  const V second = gradient(first, {x}, true)[0];
  CHECK(gradient(second, {x})[0].item() == 6);
}

TEST_CASE("log_sum_exp and softmax stand large numbers and minus infinity", "[ops]") {
  const double inf = std::numeric_limits<double>::infinity();
  const Var<double> x = Var<double>::parameter(Tensor<double>({2, 2}, {1000, 1000, -inf, -inf}));
  const Tensor<double> y = log_sum_exp(x, 1).value();
  CHECK(y[0] == Approx(1000 + std::log(2)));
  CHECK(y[1] == -inf);
  CHECK(softmax(slice(x, 0, 0, 1), 1).value()[0] == 0.5);
}

TEST_CASE("layer_norm: rows of mean 0 and variance v / (v + eps)", "[ops]") {
  const Var<double> x(Tensor<double>({1, 2}, {1, 5}));  // variance 4
  const Tensor<double> y = layer_norm(x, 1).value();
  CHECK(y[0] == Approx(-2 / std::sqrt(5)));
  CHECK(y[1] == Approx(2 / std::sqrt(5)));
}

TEST_CASE("ops refuse shapes that do not fit", "[ops]") {
  const Var<float> a = Var<float>::parameter(Tensor<float>::ones({2, 3}));
  const Var<float> b(Tensor<float>::ones({2}));
  CHECK_THROWS_AS(a + b, ShapeError);
  CHECK_THROWS_AS(matmul(a, a), ShapeError);
  CHECK_THROWS_AS(sum(a, {2}), ShapeError);
  CHECK_THROWS_AS(reshape(a, {4, -1}), ShapeError);
  CHECK_THROWS_AS(mse_loss(a, b), ShapeError);
  CHECK_THROWS_AS(mae_loss(a, b), ShapeError);
  CHECK_THROWS_AS(layer_norm(Var<float>(1.0F)), ShapeError);
  CHECK_THROWS_AS(slice(a, 0, 1, 3), ShapeError);
  CHECK_THROWS_AS(gather_rows(a, {2}), ShapeError);
  CHECK_THROWS_AS(scatter_add_rows(Var<float>(1.0F), {0}, 1), ShapeError);
  CHECK_THROWS_AS(broadcast_to(a, {3, 2}), ShapeError);
  CHECK_THROWS_AS(sum_to(a, {2}), ShapeError);
  CHECK_THROWS_AS(a + Var<float>(), ArgumentError);
}
