// Every op at the edges of its domain: its value, and its first and second derivative. The table of
// docs/edge-cases.md is this one.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"

// A function of one number, in both precisions.
struct EdgeFunction {
  template <class F>
  EdgeFunction(F f)  // NOLINT(google-explicit-constructor)
      : single(f), full(f) {}
  std::function<papillon::Var<float>(const papillon::Var<float>&)> single;
  std::function<papillon::Var<double>(const papillon::Var<double>&)> full;
};

struct EdgeCase {
  double x, value, first, second;
  const char* why = "";  // for the reader of the table
};

struct EdgeTable {
  const char* op;    // a name of the gradcheck table
  const char* text;  // the function, as the table writes it
  EdgeFunction f;
  std::vector<EdgeCase> cases;
};

using EdgeTables = std::vector<EdgeTable>;

const EdgeTables& edge_tables();

// What the table is made of.
namespace edges {

using namespace papillon;  // NOLINT(google-build-using-namespace)

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr EdgeCase at_nan = {nan, nan, nan, nan};

template <class T>
Var<T> row(const Var<T>& x, double second) {  // [1, 2]
  return concatenate<T>({reshape(x, {1, 1}), Var<T>(Tensor<T>::full({1, 1}, T(second)))}, 1);
}
template <class T>
Var<T> first(const Var<T>& y) {
  return slice(reshape(y, {-1}), 0, 0, 1);
}
// For ops that compute with a constant of x's precision.
template <class T>
Var<T> constant(const Var<T>&, double c) {
  return Var<T>(T(c));
}

void arithmetic(EdgeTables& t);
void powers(EdgeTables& t);

}  // namespace edges
