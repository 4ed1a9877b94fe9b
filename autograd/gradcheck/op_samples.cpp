#include "papillon/autograd/gradcheck/op_samples.hpp"

#include <algorithm>
#include <utility>

#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/random_streams.hpp"

// An op, as a function of the sample's inputs in either precision.
#define OP(...) [](const auto& in) { return __VA_ARGS__; }

namespace papillon {
namespace {

// Collects samples. Their inputs are random, away from where an op has a kink or a pole.
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
  // Of both signs, at least 0.2 from zero, and all elements different.
  Tensor<double> off_zero(const Shape& shape) {
    Tensor<double> x = random_uniform<double>(shape, next(), 0.2, 1.5);
    for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -x[i];
    return x;
  }
  // a, moved by at least 0.2 to either side.
  Tensor<double> beside(Tensor<double> a) {
    const Tensor<double> distance = off_zero(a.shape());
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += distance[i];
    return a;
  }

  std::vector<GradcheckSample> all;

 private:
  RandomStream next() { return random_stream(seed_, Purpose::gradcheck_inputs, next_input_++); }
  std::uint64_t seed_, next_input_ = 0;
};

using Draw = Tensor<double> (Samples::*)(const Shape&);

// An op of two operands under broadcasting: the same shape, a row, a column, an outer product, a
// number, one element, none.
template <class F>
void broadcasting(Samples& s, const char* op, F f, Draw draw_a, Draw draw_b) {
  struct Shapes {
    const char* text;
    Shape a, b;
  };
  for (const Shapes& shapes : {Shapes{"[2, 3], [2, 3]", {2, 3}, {2, 3}},
                               {"[2, 3], [3]", {2, 3}, {3}},
                               {"[2, 1], [2, 3]", {2, 1}, {2, 3}},
                               {"[3, 1], [1, 2]", {3, 1}, {1, 2}},
                               {"[], [2, 2]", {}, {2, 2}},
                               {"[1], [1]", {1}, {1}},
                               {"[2, 1, 3], [2, 1]", {2, 1, 3}, {2, 1}},
                               {"[0, 3], [3]", {0, 3}, {3}}})
    s.add(op, shapes.text, f, {(s.*draw_a)(shapes.a), (s.*draw_b)(shapes.b)});
}

// An op on each element: at a matrix, a number, and no elements at all.
template <class F>
void elementwise(Samples& s, const char* op, F f, Draw draw) {
  s.add(op, "[2, 3]", f, {(s.*draw)({2, 3})});
  s.add(op, "[]", f, {(s.*draw)({})});
  s.add(op, "[2, 0]", f, {(s.*draw)({2, 0})});
}

constexpr Draw normal = &Samples::normal, positive = &Samples::positive,
               off_zero = &Samples::off_zero;

void arithmetic(Samples& s) {
  broadcasting(s, "add", OP(in[0] + in[1]), normal, normal);
  broadcasting(s, "sub", OP(in[0] - in[1]), normal, normal);
  broadcasting(s, "mul", OP(in[0] * in[1]), normal, normal);
  s.add("mul", "x * x", OP(in[0] * in[0]), {s.normal({4})});
  broadcasting(s, "div", OP(in[0] / in[1]), normal, off_zero);
  s.add("neg", "[2, 3]", OP(-in[0]), {s.normal({2, 3})});
  s.add("pow", "x^3", OP(pow(in[0], 3)), {s.off_zero({5})});
  s.add("pow", "x^-0.5", OP(pow(in[0], -0.5f)), {s.positive({5})});
  s.add("pow", "x^1", OP(pow(in[0], 1)), {s.normal({3})});
  broadcasting(s, "pow", OP(pow(in[0], in[1])), positive, normal);
  const Tensor<double> a = s.normal({2, 3}), zero({1}, {0.0});
  s.add("maximum", "[2, 3], [2, 3]", OP(maximum(in[0], in[1])), {a, s.beside(a)});
  s.add("maximum", "[3, 1], [1]", OP(maximum(in[0], in[1])), {s.off_zero({3, 1}), zero});
  s.add("minimum", "[2, 3], [2, 3]", OP(minimum(in[0], in[1])), {a, s.beside(a)});
  s.add("minimum", "[3, 1], [1]", OP(minimum(in[0], in[1])), {s.off_zero({3, 1}), zero});
}

void functions(Samples& s) {
  elementwise(s, "exp", OP(exp(in[0])), normal);
  elementwise(s, "log", OP(log(in[0])), positive);
  elementwise(s, "sqrt", OP(sqrt(in[0])), positive);
  elementwise(s, "sin", OP(sin(in[0])), normal);
  elementwise(s, "cos", OP(cos(in[0])), normal);
  elementwise(s, "tanh", OP(tanh(in[0])), normal);
  elementwise(s, "erf", OP(erf(in[0])), normal);
  elementwise(s, "abs", OP(abs(in[0])), off_zero);
  // Below, between and above: the ends lie within the gap around zero.
  elementwise(s, "clip", OP(clip(in[0], -0.1f, 2.0f)), off_zero);
  elementwise(s, "sigmoid", OP(sigmoid(in[0])), normal);
  s.add("sigmoid", "large", OP(sigmoid(in[0])), {Tensor<double>::vector({-30, -8, 8, 20})});
  elementwise(s, "relu", OP(relu(in[0])), off_zero);
  elementwise(s, "silu", OP(silu(in[0])), normal);
  elementwise(s, "gelu", OP(gelu(in[0])), normal);
}

constexpr Transpose no = Transpose::no, yes = Transpose::yes;

void products(Samples& s) {
  const auto add = [&](const char* sample, auto f, const Shape& a, const Shape& b) {
    s.add("matmul", sample, f, {s.normal(a), s.normal(b)});
  };
  add("[2, 3] [3, 4]", OP(matmul(in[0], in[1])), {2, 3}, {3, 4});
  add("[3, 2]' [3, 4]", OP(matmul(in[0], in[1], yes, no)), {3, 2}, {3, 4});
  add("[2, 3] [4, 3]'", OP(matmul(in[0], in[1], no, yes)), {2, 3}, {4, 3});
  add("[3, 2]' [4, 3]'", OP(matmul(in[0], in[1], yes, yes)), {3, 2}, {4, 3});
  s.add("matmul", "A A'", OP(matmul(in[0], in[0], no, yes)), {s.normal({3, 2})});
  add("[1, 1] [1, 1]", OP(matmul(in[0], in[1])), {1, 1}, {1, 1});
}

void reductions(Samples& s) {
  s.add("sum", "all", OP(sum(in[0])), {s.normal({2, 3})});
  s.add("sum", "axis 0", OP(sum(in[0], {0})), {s.normal({2, 3})});
  s.add("sum", "axes 0 and 2, kept", OP(sum(in[0], {0, 2}, true)), {s.normal({2, 3, 2})});
  s.add("sum", "[]", OP(sum(in[0])), {s.normal({})});
  s.add("mean", "all", OP(mean(in[0])), {s.normal({2, 3})});
  s.add("mean", "axis -1", OP(mean(in[0], {-1})), {s.normal({2, 3})});
  s.add("mean", "axis 1, kept", OP(mean(in[0], {1}, true)), {s.normal({2, 3, 2})});
  s.add("log_sum_exp", "last axis", OP(log_sum_exp(in[0], -1)), {s.normal({2, 3})});
  s.add("log_sum_exp", "axis 0, kept", OP(log_sum_exp(in[0], 0, true)), {s.normal({3, 2})});
  s.add("log_sum_exp", "large", OP(log_sum_exp(in[0], 0)),
        {Tensor<double>::vector({100, 101, 99.5})});
  s.add("softmax", "last axis", OP(softmax(in[0], -1)), {s.normal({2, 4})});
  s.add("softmax", "axis 0", OP(softmax(in[0], 0)), {s.normal({3, 2})});
  s.add("softmax", "one element", OP(softmax(in[0], 0)), {s.normal({1})});
}

void shapes(Samples& s) {
  s.add("reshape", "[2, 6] to [3, -1]", OP(reshape(in[0], {3, -1})), {s.normal({2, 6})});
  s.add("transpose", "[2, 3]", OP(transpose(in[0])), {s.normal({2, 3})});
  s.add("transpose", "axes 2, 0, 1", OP(transpose(in[0], {2, 0, 1})), {s.normal({2, 3, 4})});
  s.add("broadcast_to", "[3] to [2, 3]", OP(broadcast_to(in[0], Shape{2, 3})), {s.normal({3})});
  s.add("broadcast_to", "[2, 1] to [2, 3]", OP(broadcast_to(in[0], Shape{2, 3})),
        {s.normal({2, 1})});
  s.add("sum_to", "[2, 3] to [3]", OP(sum_to(in[0], Shape{3})), {s.normal({2, 3})});
  s.add("sum_to", "[2, 3] to [2, 1]", OP(sum_to(in[0], Shape{2, 1})), {s.normal({2, 3})});
  s.add("concatenate", "axis 0", OP(concatenate(in, 0)), {s.normal({2, 3}), s.normal({1, 3})});
  s.add("concatenate", "axis -1, three", OP(concatenate(in, -1)),
        {s.normal({2, 1}), s.normal({2, 3}), s.normal({2, 2})});
  s.add("slice", "axis 0", OP(slice(in[0], 0, 1, 3)), {s.normal({4, 2})});
  s.add("slice", "axis 1", OP(slice(in[0], 1, 0, 2)), {s.normal({2, 3, 2})});
  s.add("gather_rows", "repeated", OP(gather_rows(in[0], {2, 0, 2, 2})), {s.normal({3, 2})});
  s.add("scatter_add_rows", "repeated", OP(scatter_add_rows(in[0], {1, 3, 1}, 4)),
        {s.normal({3, 2})});
}

void normalisation_and_losses(Samples& s) {
  s.add("layer_norm", "[2, 4]", OP(layer_norm(in[0])), {s.normal({2, 4})});
  s.add("layer_norm", "[2, 2, 3], large eps", OP(layer_norm(in[0], 0.5f)), {s.normal({2, 2, 3})});
  s.add("mse_loss", "[2, 3]", OP(mse_loss(in[0], in[1])), {s.normal({2, 3}), s.normal({2, 3})});
  const Tensor<double> a = s.normal({2, 3});
  s.add("mae_loss", "[2, 3]", OP(mae_loss(in[0], in[1])), {a, s.beside(a)});
}

}  // namespace

std::vector<GradcheckSample> gradcheck_samples(std::uint64_t seed) {
  Samples s(seed);
  for (const auto add :
       {arithmetic, functions, products, reductions, shapes, normalisation_and_losses})
    add(s);
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
    // A sample without elements shows that the op accepts it; there is nothing to compare.
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
#undef OP
