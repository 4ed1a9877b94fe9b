#include "papillon/autograd/gradcheck_table.hpp"

#include <algorithm>
#include <utility>

#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {
namespace {

// Collects samples; the inputs are random, away from where an op has a kink or a pole.
class Samples {
 public:
  explicit Samples(std::uint64_t seed) : seed_(seed) {}

  template <class F>
  void add(const char* op, const char* sample, F f, std::vector<Tensor<double>> inputs) {
    all.push_back({op, sample, f, f, std::move(inputs)});
  }

  Tensor<double> normal(const Shape& shape) { return random_normal<double>(shape, next()); }
  Tensor<double> positive(const Shape& shape) {
    return random_uniform<double>(shape, next(), 0.3, 2.0);
  }
  // Of both signs, at least 0.2 from zero, and not an element like another.
  Tensor<double> off_zero(const Shape& shape) {
    Tensor<double> x = random_uniform<double>(shape, next(), 0.2, 1.5);
    for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
    return x;
  }
  // a, moved by at least 0.2 to either side.
  Tensor<double> beside(Tensor<double> a) {
    const Tensor<double> by = off_zero(a.shape());
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += by[i];
    return a;
  }

  std::vector<GradcheckSample> all;

 private:
  RandomStream next() { return random_stream(seed_, Purpose::gradcheck_inputs, made_++); }
  std::uint64_t seed_, made_ = 0;
};

void arithmetic(Samples& s) {
  // Same shape, a row, a column, outer product, a number, one element, none.
  const std::vector<std::pair<const char*, std::pair<Shape, Shape>>> shapes = {
      {"[2, 3], [2, 3]", {{2, 3}, {2, 3}}},
      {"[2, 3], [3]", {{2, 3}, {3}}},
      {"[2, 1], [2, 3]", {{2, 1}, {2, 3}}},
      {"[3, 1], [1, 2]", {{3, 1}, {1, 2}}},
      {"[], [2, 2]", {{}, {2, 2}}},
      {"[1], [1]", {{1}, {1}}},
      {"[2, 1, 3], [2, 1]", {{2, 1, 3}, {2, 1}}},
      {"[0, 3], [3]", {{0, 3}, {3}}}};
  for (const auto& [name, ab] : shapes) {
    s.add("add", name, [](const auto& in) { return in[0] + in[1]; },
          {s.normal(ab.first), s.normal(ab.second)});
  }
  for (const auto& [name, ab] : shapes) {
    s.add("sub", name, [](const auto& in) { return in[0] - in[1]; },
          {s.normal(ab.first), s.normal(ab.second)});
  }
  for (const auto& [name, ab] : shapes) {
    s.add("mul", name, [](const auto& in) { return in[0] * in[1]; },
          {s.normal(ab.first), s.normal(ab.second)});
  }
  s.add("mul", "x * x", [](const auto& in) { return in[0] * in[0]; }, {s.normal({4})});
  for (const auto& [name, ab] : shapes) {
    s.add("div", name, [](const auto& in) { return in[0] / in[1]; },
          {s.normal(ab.first), s.off_zero(ab.second)});
  }
  s.add("neg", "[2, 3]", [](const auto& in) { return -in[0]; }, {s.normal({2, 3})});
  s.add("pow", "x^3", [](const auto& in) { return pow(in[0], 3); }, {s.off_zero({5})});
  s.add("pow", "x^-0.5", [](const auto& in) { return pow(in[0], -0.5f); }, {s.positive({5})});
  s.add("pow", "x^1", [](const auto& in) { return pow(in[0], 1); }, {s.normal({3})});
  for (const auto& [name, ab] : shapes) {
    s.add("pow", name, [](const auto& in) { return pow(in[0], in[1]); },
          {s.positive(ab.first), s.normal(ab.second)});
  }
  const Tensor<double> a = s.normal({2, 3});
  s.add("maximum", "[2, 3], [2, 3]", [](const auto& in) { return maximum(in[0], in[1]); },
        {a, s.beside(a)});
  s.add("maximum", "[3, 1], [1]", [](const auto& in) { return maximum(in[0], in[1]); },
        {s.off_zero({3, 1}), Tensor<double>({1}, {0.0})});
  s.add("minimum", "[2, 3], [2, 3]", [](const auto& in) { return minimum(in[0], in[1]); },
        {a, s.beside(a)});
  s.add("minimum", "[3, 1], [1]", [](const auto& in) { return minimum(in[0], in[1]); },
        {s.off_zero({3, 1}), Tensor<double>({1}, {0.0})});
}

// An op on each element, at a matrix, a number, and no elements at all.
template <class F, class Draw>
void elementwise(Samples& s, const char* op, F f, Draw draw) {
  s.add(op, "[2, 3]", f, {draw(Shape{2, 3})});
  s.add(op, "[]", f, {draw(Shape{})});
  s.add(op, "[2, 0]", f, {draw(Shape{2, 0})});
}

void functions(Samples& s) {
  const auto normal = [&](const Shape& shape) { return s.normal(shape); };
  const auto positive = [&](const Shape& shape) { return s.positive(shape); };
  const auto off_zero = [&](const Shape& shape) { return s.off_zero(shape); };
  elementwise(
      s, "exp", [](const auto& in) { return exp(in[0]); }, normal);
  elementwise(
      s, "log", [](const auto& in) { return log(in[0]); }, positive);
  elementwise(
      s, "sqrt", [](const auto& in) { return sqrt(in[0]); }, positive);
  elementwise(
      s, "sin", [](const auto& in) { return sin(in[0]); }, normal);
  elementwise(
      s, "cos", [](const auto& in) { return cos(in[0]); }, normal);
  elementwise(
      s, "tanh", [](const auto& in) { return tanh(in[0]); }, normal);
  elementwise(
      s, "erf", [](const auto& in) { return erf(in[0]); }, normal);
  elementwise(
      s, "abs", [](const auto& in) { return abs(in[0]); }, off_zero);
  // Below, between and above: the ends lie within the gap around zero.
  elementwise(
      s, "clip", [](const auto& in) { return clip(in[0], -0.1f, 2.0f); }, off_zero);
  elementwise(
      s, "sigmoid", [](const auto& in) { return sigmoid(in[0]); }, normal);
  s.add("sigmoid", "large", [](const auto& in) { return sigmoid(in[0]); },
        {Tensor<double>::vector({-30, -8, 8, 20})});
  elementwise(
      s, "relu", [](const auto& in) { return relu(in[0]); }, off_zero);
  elementwise(
      s, "silu", [](const auto& in) { return silu(in[0]); }, normal);
  elementwise(
      s, "gelu", [](const auto& in) { return gelu(in[0]); }, normal);
}

void products(Samples& s) {
  s.add("matmul", "[2, 3] [3, 4]", [](const auto& in) { return matmul(in[0], in[1]); },
        {s.normal({2, 3}), s.normal({3, 4})});
  s.add("matmul", "[3, 2]' [3, 4]",
        [](const auto& in) { return matmul(in[0], in[1], Transpose::yes, Transpose::no); },
        {s.normal({3, 2}), s.normal({3, 4})});
  s.add("matmul", "[2, 3] [4, 3]'",
        [](const auto& in) { return matmul(in[0], in[1], Transpose::no, Transpose::yes); },
        {s.normal({2, 3}), s.normal({4, 3})});
  s.add("matmul", "[3, 2]' [4, 3]'",
        [](const auto& in) { return matmul(in[0], in[1], Transpose::yes, Transpose::yes); },
        {s.normal({3, 2}), s.normal({4, 3})});
  s.add("matmul", "A A'",
        [](const auto& in) { return matmul(in[0], in[0], Transpose::no, Transpose::yes); },
        {s.normal({3, 2})});
  s.add("matmul", "[1, 1] [1, 1]", [](const auto& in) { return matmul(in[0], in[1]); },
        {s.normal({1, 1}), s.normal({1, 1})});
}

void reductions(Samples& s) {
  s.add("sum", "all", [](const auto& in) { return sum(in[0]); }, {s.normal({2, 3})});
  s.add("sum", "axis 0", [](const auto& in) { return sum(in[0], {0}); }, {s.normal({2, 3})});
  s.add("sum", "axes 0 and 2, kept",
        [](const auto& in) {
          return sum(in[0], {0, 2}, true);
        },
        {s.normal({2, 3, 2})});
  s.add("sum", "[]", [](const auto& in) { return sum(in[0]); }, {s.normal({})});
  s.add("mean", "all", [](const auto& in) { return mean(in[0]); }, {s.normal({2, 3})});
  s.add("mean", "axis -1", [](const auto& in) { return mean(in[0], {-1}); }, {s.normal({2, 3})});
  s.add("mean", "axis 1, kept", [](const auto& in) { return mean(in[0], {1}, true); },
        {s.normal({2, 3, 2})});
  s.add("log_sum_exp", "last axis", [](const auto& in) { return log_sum_exp(in[0], -1); },
        {s.normal({2, 3})});
  s.add("log_sum_exp", "axis 0, kept", [](const auto& in) { return log_sum_exp(in[0], 0, true); },
        {s.normal({3, 2})});
  s.add("log_sum_exp", "large", [](const auto& in) { return log_sum_exp(in[0], 0); },
        {Tensor<double>::vector({100, 101, 99.5})});
  s.add("softmax", "last axis", [](const auto& in) { return softmax(in[0], -1); },
        {s.normal({2, 4})});
  s.add("softmax", "axis 0", [](const auto& in) { return softmax(in[0], 0); }, {s.normal({3, 2})});
  s.add("softmax", "one element", [](const auto& in) { return softmax(in[0], 0); },
        {s.normal({1})});
}

void shapes(Samples& s) {
  s.add("reshape", "[2, 6] to [3, -1]",
        [](const auto& in) {
          return reshape(in[0], {3, -1});
        },
        {s.normal({2, 6})});
  s.add("transpose", "[2, 3]", [](const auto& in) { return transpose(in[0]); }, {s.normal({2, 3})});
  s.add("transpose", "axes 2, 0, 1",
        [](const auto& in) {
          return transpose(in[0], {2, 0, 1});
        },
        {s.normal({2, 3, 4})});
  s.add("broadcast_to", "[3] to [2, 3]",
        [](const auto& in) {
          return broadcast_to(in[0], Shape{2, 3});
        },
        {s.normal({3})});
  s.add("broadcast_to", "[2, 1] to [2, 3]",
        [](const auto& in) {
          return broadcast_to(in[0], Shape{2, 3});
        },
        {s.normal({2, 1})});
  s.add("sum_to", "[2, 3] to [3]", [](const auto& in) { return sum_to(in[0], Shape{3}); },
        {s.normal({2, 3})});
  s.add("sum_to", "[2, 3] to [2, 1]",
        [](const auto& in) {
          return sum_to(in[0], Shape{2, 1});
        },
        {s.normal({2, 3})});
  s.add("concatenate", "axis 0", [](const auto& in) { return concatenate(in, 0); },
        {s.normal({2, 3}), s.normal({1, 3})});
  s.add("concatenate", "axis -1, three", [](const auto& in) { return concatenate(in, -1); },
        {s.normal({2, 1}), s.normal({2, 3}), s.normal({2, 2})});
  s.add("slice", "axis 0", [](const auto& in) { return slice(in[0], 0, 1, 3); },
        {s.normal({4, 2})});
  s.add("slice", "axis 1", [](const auto& in) { return slice(in[0], 1, 0, 2); },
        {s.normal({2, 3, 2})});
  s.add("gather_rows", "repeated",
        [](const auto& in) {
          return gather_rows(in[0], {2, 0, 2, 2});
        },
        {s.normal({3, 2})});
  s.add("scatter_add_rows", "repeated",
        [](const auto& in) {
          return scatter_add_rows(in[0], {1, 3, 1}, 4);
        },
        {s.normal({3, 2})});
}

void normalisation_and_losses(Samples& s) {
  s.add("layer_norm", "[2, 4]", [](const auto& in) { return layer_norm(in[0]); },
        {s.normal({2, 4})});
  s.add("layer_norm", "[2, 2, 3], large eps",
        [](const auto& in) { return layer_norm(in[0], 0.5f); }, {s.normal({2, 2, 3})});
  s.add("mse_loss", "[2, 3]", [](const auto& in) { return mse_loss(in[0], in[1]); },
        {s.normal({2, 3}), s.normal({2, 3})});
  const Tensor<double> a = s.normal({2, 3});
  s.add("mae_loss", "[2, 3]", [](const auto& in) { return mae_loss(in[0], in[1]); },
        {a, s.beside(a)});
}

}  // namespace

std::vector<GradcheckSample> gradcheck_samples(std::uint64_t seed) {
  Samples s(seed);
  arithmetic(s);
  functions(s);
  products(s);
  reductions(s);
  shapes(s);
  normalisation_and_losses(s);
  return std::move(s.all);
}

std::vector<GradcheckRow> run_gradcheck_table(std::uint64_t seed) {
  std::vector<GradcheckRow> table;
  for (const GradcheckSample& sample : gradcheck_samples(seed)) {
    if (table.empty() || table.back().op != sample.op) table.emplace_back().op = sample.op;
    GradcheckRow& row = table.back();
    GradcheckOptions options;
    options.op = sample.op + " (" + sample.sample + ")";
    options.seed = seed;
    options.full = options.second_order = true;
    const GradcheckReport report = gradcheck_vars(sample.f, sample.single, sample.inputs, options);
    ++row.samples;
    // A sample without elements shows that an op stands it; the other samples are compared.
    const bool nothing = report.entries == 0 && report.verdict == Verdict::inconclusive;
    if (nothing) continue;
    const bool first = row.entries == 0 && row.verdict == Verdict::inconclusive;
    row.verdict = first ? report.verdict : std::max(row.verdict, report.verdict);
    row.entries += report.entries;
    if (report.entries && !(report.worst.error() <= row.worst_error)) {
      row.worst_error = report.worst.error();
      row.error_bar = report.worst.relative_bar();
    }
    if (!report.passed()) row.text += report.text() + "\n";
  }
  return table;
}

}  // namespace papillon
