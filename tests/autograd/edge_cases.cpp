#include "edge_cases.hpp"

#include <cmath>
#include <numbers>

namespace edges {
namespace {

void functions(EdgeTables& t) {
  const std::vector<EdgeCase> oscillating = {{inf, nan, nan, nan}, {-inf, nan, nan, nan}, at_nan};
  t.push_back({"exp",
               "exp x",
               [](auto x) { return exp(x); },
               {{inf, inf, inf, inf}, {-inf, 0, 0, 0}, at_nan}});
  t.push_back({"log",
               "log x",
               [](auto x) { return log(x); },
               {{0, -inf, inf, -inf, "from the right"},
                {-0.0, -inf, inf, -inf},
                {-1, nan, nan, nan, "outside the domain"},
                {inf, inf, 0, 0},
                at_nan}});
  t.push_back({"sqrt",
               "sqrt x",
               [](auto x) { return sqrt(x); },
               {{0, 0, inf, -inf, "from the right"},
                {-0.0, 0, inf, -inf},
                {-1, nan, nan, nan},
                {inf, inf, 0, 0},
                at_nan}});
  t.push_back({"sin", "sin x", [](auto x) { return sin(x); }, oscillating});
  t.push_back({"cos", "cos x", [](auto x) { return cos(x); }, oscillating});
  t.push_back({"tanh",
               "tanh x",
               [](auto x) { return tanh(x); },
               {{inf, 1, 0, 0}, {-inf, -1, 0, 0}, at_nan}});
  t.push_back(
      {"erf", "erf x", [](auto x) { return erf(x); }, {{inf, 1, 0, 0}, {-inf, -1, 0, 0}, at_nan}});
  t.push_back({"abs",
               "abs x",
               [](auto x) { return abs(x); },
               {{0, 0, 0, 0, "a kink: 0, between the slopes"},
                {-0.0, 0, 0, 0},
                {inf, inf, 1, 0},
                {-inf, inf, -1, 0},
                {nan, nan, nan, 0}}});
  t.push_back({"clip",
               "clip(x, -1, 1)",
               [](auto x) { return clip(x, -1, 1); },
               {{-1, -1, 1, 0, "1 at the ends"},
                {1, 1, 1, 0},
                {inf, 1, 0, 0},
                {-inf, -1, 0, 0},
                {nan, nan, nan, 0}}});
  t.push_back({"clip",
               "clip(x, -inf, inf)",
               [](auto x) { return clip(x, -inf, inf); },
               {{inf, inf, 1, 0}, {-inf, -inf, 1, 0}}});
  t.push_back({"sigmoid",
               "sigmoid x",
               [](auto x) { return sigmoid(x); },
               {{inf, 1, 0, 0}, {-inf, 0, 0, 0}, at_nan}});
  t.push_back(
      {"relu",
       "relu x",
       [](auto x) { return relu(x); },
       {{0, 0, 0, 0}, {-0.0, 0, 0, 0}, {inf, inf, 1, 0}, {-inf, 0, 0, 0}, {nan, nan, nan, 0}}});
  t.push_back({"silu",
               "silu x",
               [](auto x) { return silu(x); },
               {{0, 0, 0.5, 0.5}, {inf, inf, 1, 0}, {-inf, 0, 0, 0}, at_nan}});
  const double density = 2 / std::sqrt(2 * std::numbers::pi);
  t.push_back({"gelu",
               "gelu x",
               [](auto x) { return gelu(x); },
               {{0, 0, 0.5, density}, {inf, inf, 1, 0}, {-inf, 0, 0, 0}, at_nan}});
}

void products_and_reductions(EdgeTables& t) {
  const auto column = [](auto x, double a, double b) { return row(constant(x, a), b); };
  t.push_back(
      {"matmul",
       "[x 1] [0 1]'",
       [=](auto x) { return matmul(row(x, 1), column(x, 0, 1), Transpose::no, Transpose::yes); },
       {{inf, nan, 0, 0}, {nan, nan, 0, 0}}});
  t.push_back(
      {"matmul",
       "[x 0] [2 inf]'",
       [=](auto x) { return matmul(row(x, 0), column(x, 2, inf), Transpose::no, Transpose::yes); },
       {{1, nan, 2, 0}}});
  t.push_back(
      {"matmul",
       "[x inf] [x 0]'",
       [=](auto x) { return matmul(row(x, inf), row(x, 0), Transpose::no, Transpose::yes); },
       {{0, nan, 0, 2}, {1, nan, 2, 2}}});
  t.push_back({"sum",
               "sum [x inf]",
               [](auto x) { return sum(row(x, inf)); },
               {{0, inf, 1, 0}, {-inf, nan, 1, 0}}});
  t.push_back({"mean",
               "mean [x inf]",
               [](auto x) { return mean(row(x, inf)); },
               {{0, inf, 0.5, 0}, {nan, nan, 0.5, 0}}});
  t.push_back({"log_sum_exp",
               "log_sum_exp [x 0]",
               [](auto x) { return log_sum_exp(row(x, 0), -1); },
               {{-inf, 0, 0, 0, "masked"}, {inf, inf, 1, 0}, at_nan}});
  t.push_back({"log_sum_exp",
               "log_sum_exp [x -inf]",
               [](auto x) { return log_sum_exp(row(x, -inf), -1); },
               {{0, 0, 1, 0},
                {-inf, -inf, 0, 0, "all masked: no finite step changes it"},
                {inf, inf, 1, 0}}});
  t.push_back(
      {"log_sum_exp",
       "log_sum_exp [x inf]",
       [](auto x) { return log_sum_exp(row(x, inf), -1); },
       {{0, inf, 0, 0}, {1e6, inf, 0, 0}, {inf, inf, nan, nan, "either could be the larger"}}});
  t.push_back({"softmax",
               "softmax [x 0], first",
               [](auto x) { return first(softmax(row(x, 0), -1)); },
               {{-inf, 0, 0, 0, "masked"}, {inf, 1, 0, 0}, at_nan}});
  t.push_back({"softmax",
               "softmax [x -inf], first",
               [](auto x) { return first(softmax(row(x, -inf), -1)); },
               {{0, 1, 0, 0}, {-inf, 0, 0, 0, "all masked: no weight at all"}, {inf, 1, 0, 0}}});
  t.push_back({"softmax",
               "softmax [x inf], first",
               [](auto x) { return first(softmax(row(x, inf), -1)); },
               {{0, 0, 0, 0}, {-inf, 0, 0, 0}, {inf, nan, nan, nan}}});
  t.push_back({"softmax",
               "softmax [x NaN], first",
               [](auto x) { return first(softmax(row(x, nan), -1)); },
               {{0, nan, nan, nan}, {-inf, nan, nan, nan}, {inf, nan, nan, nan}}});
  t.push_back(
      {"layer_norm",
       "layer_norm([x 1], 1), first",
       [](auto x) { return first(layer_norm(row(x, 1), 1)); },
       {{1, 0, 0.5, 0, "a constant row"}, {inf, nan, nan, nan, "its mean is infinite"}, at_nan}});
  t.push_back({"layer_norm",
               "layer_norm([x 1], 0), first",
               [](auto x) { return first(layer_norm(row(x, 1), 0)); },
               {{1, nan, nan, nan, "0 / 0"}, {2, 1, 0, 0}}});
  t.push_back({"mse_loss",
               "mse_loss(x, 0)",
               [](auto x) { return mse_loss(x, constant(x, 0)); },
               {{inf, inf, inf, 2}, {nan, nan, nan, 2}}});
  t.push_back({"mse_loss",
               "mse_loss(x, inf)",
               [](auto x) { return mse_loss(x, constant(x, inf)); },
               {{0, inf, -inf, 2}, {inf, nan, nan, 2}}});
  t.push_back({"mae_loss",
               "mae_loss(x, 0)",
               [](auto x) { return mae_loss(x, constant(x, 0)); },
               {{0, 0, 0, 0}, {inf, inf, 1, 0}, {nan, nan, nan, 0}}});
  t.push_back({"mae_loss",
               "mae_loss(x, inf)",
               [](auto x) { return mae_loss(x, constant(x, inf)); },
               {{0, inf, -1, 0}, {inf, nan, nan, 0}}});
}

void moves(EdgeTables& t) {
  const std::vector<EdgeCase> copied = {{inf, inf, 1, 0}, {nan, nan, 1, 0}};
  t.push_back({"reshape", "reshape x", [](auto x) { return reshape(x, {1, 1}); }, copied});
  t.push_back({"transpose", "transpose [x 0], first",
               [](auto x) { return first(transpose(row(x, 0))); }, copied});
  t.push_back({"broadcast_to", "broadcast_to x, first",
               [](auto x) { return first(broadcast_to(x, {2})); }, copied});
  t.push_back({"sum_to", "sum_to [x 0]", [](auto x) { return sum_to(row(x, 0), {1, 1}); }, copied});
  t.push_back({"concatenate",
               "[x NaN], first",
               [](auto x) { return first(row(x, nan)); },
               {{0, 0, 1, 0}, {inf, inf, 1, 0}}});
  t.push_back({"slice",
               "[x NaN], second",
               [](auto x) { return slice(row(x, nan), 1, 1, 2); },
               {{0, nan, 0, 0}}});
  t.push_back({"gather_rows", "gather_rows([x 0]', 0)",
               [](auto x) { return gather_rows(transpose(row(x, 0)), {0}); }, copied});
  t.push_back({"scatter_add_rows", "scatter_add_rows(x, 0)",
               [](auto x) { return scatter_add_rows(reshape(x, {1}), {0}, 1); }, copied});
}

// Where one op's zero meets another's infinity.
void compositions(EdgeTables& t) {
  t.push_back({"mul", "0 sqrt x", [](auto x) { return 0 * sqrt(x); }, {{0, 0, 0, 0, "masked"}}});
  t.push_back({"sqrt", "sqrt(0 x)", [](auto x) { return sqrt(0 * x); }, {{1, 0, 0, 0}}});
  t.push_back({"log",
               "log(relu x)",
               [](auto x) { return log(relu(x)); },
               {{-1, -inf, 0, 0}, {-inf, -inf, 0, 0}}});
  t.push_back({"maximum",
               "max(sqrt x, 1)",
               [](auto x) { return maximum(sqrt(x), constant(x, 1)); },
               {{0, 1, 0, 0}}});
  t.push_back(
      {"clip", "clip(log x, -9, 9)", [](auto x) { return clip(log(x), -9, 9); }, {{0, -9, 0, 0}}});
  t.push_back({"div", "1 / exp x", [](auto x) { return 1 / exp(x); }, {{inf, 0, 0, 0}}});
}

}  // namespace
}  // namespace edges

const EdgeTables& edge_tables() {
  static const EdgeTables tables = [] {
    EdgeTables t;
    using namespace edges;
    arithmetic(t), powers(t), functions(t), products_and_reductions(t), moves(t), compositions(t);
    return t;
  }();
  return tables;
}
