// The edges of arithmetic, with all kinds of powers.
#include "edge_cases.hpp"

namespace edges {

void arithmetic(EdgeTables& t) {
  t.push_back({"add",
               "x + 1",
               [](auto x) { return x + 1; },
               {{inf, inf, 1, 0}, {nan, nan, 1, 0, "linear: the same everywhere"}}});
  t.push_back({"add", "x + inf", [](auto x) { return x + inf; }, {{-inf, nan, 1, 0}}});
  t.push_back(
      {"sub", "1 - x", [](auto x) { return 1 - x; }, {{inf, -inf, -1, 0}, {nan, nan, -1, 0}}});
  t.push_back({"sub", "x - x", [](auto x) { return x - x; }, {{inf, nan, 0, 0}}});
  t.push_back({"neg", "-x", [](auto x) { return -x; }, {{inf, -inf, -1, 0}, {nan, nan, -1, 0}}});
  t.push_back({"mul",
               "2 x",
               [](auto x) { return 2 * x; },
               {{0, 0, 2, 0}, {inf, inf, 2, 0}, {nan, nan, 2, 0}}});
  t.push_back({"mul",
               "0 x",
               [](auto x) { return 0 * x; },
               {{inf, nan, 0, 0, "the other factor, whatever x is"}, {nan, nan, 0, 0}}});
  t.push_back(
      {"mul", "inf x", [](auto x) { return inf * x; }, {{0, nan, inf, 0}, {1, inf, inf, 0}}});
  t.push_back({"mul",
               "x x",
               [](auto x) { return x * x; },
               {{0, 0, 0, 2}, {inf, inf, inf, 2}, {nan, nan, nan, 2}}});
  t.push_back(
      {"div", "x / 2", [](auto x) { return x / 2; }, {{inf, inf, 0.5, 0}, {nan, nan, nan, 0}}});
  t.push_back({"div",
               "x / 0",
               [](auto x) { return x / 0; },
               {{1, inf, inf, 0}, {0, nan, nan, 0, "0 / 0"}}});
  t.push_back({"div",
               "x / inf",
               [](auto x) { return x / inf; },
               {{1, 0, 0, 0}, {inf, nan, nan, 0, "inf / inf"}}});
  t.push_back({"div",
               "1 / x",
               [](auto x) { return 1 / x; },
               {{0, inf, -inf, inf, "from the right"},
                {-0.0, -inf, -inf, -inf, "from the left"},
                {inf, 0, 0, 0},
                {-inf, 0, 0, 0},
                at_nan}});
  t.push_back({"div", "0 / x", [](auto x) { return 0 / x; }, {{0, nan, nan, nan}, {inf, 0, 0, 0}}});
  t.push_back({"div",
               "inf / x",
               [](auto x) { return inf / x; },
               {{0, inf, -inf, inf}, {1, inf, -inf, inf}, {inf, nan, nan, nan}}});
  t.push_back({"maximum",
               "max(x, 1)",
               [](auto x) { return maximum(x, constant(x, 1)); },
               {{1, 1, 0.5, 0, "a tie: half to each"},
                {inf, inf, 1, 0},
                {-inf, 1, 0, 0},
                {nan, nan, nan, 0}}});
  t.push_back({"maximum",
               "max(x, inf)",
               [](auto x) { return maximum(x, constant(x, inf)); },
               {{0, inf, 0, 0}, {inf, inf, 0.5, 0}}});
  t.push_back({"maximum",
               "max(NaN, x)",
               [](auto x) { return maximum(constant(x, nan), x); },
               {{0, nan, nan, 0}}});
  t.push_back({"maximum",
               "max(x, x)",
               [](auto x) { return maximum(x, x); },
               {{0, 0, 1, 0}, {-inf, -inf, 1, 0}}});
  t.push_back({"minimum",
               "min(x, 1)",
               [](auto x) { return minimum(x, constant(x, 1)); },
               {{1, 1, 0.5, 0}, {inf, 1, 0, 0}, {-inf, -inf, 1, 0}, {nan, nan, nan, 0}}});
  t.push_back({"minimum",
               "min(x, -inf)",
               [](auto x) { return minimum(x, constant(x, -inf)); },
               {{0, -inf, 0, 0}, {-inf, -inf, 0.5, 0}}});
}

// x^c, with the number c, and with c as a Var: constant, or a parameter itself.
void powers(EdgeTables& t) {
  const auto power = [&](const char* text, double c, const std::vector<EdgeCase>& cases) {
    t.push_back({"pow", text, [c](auto x) { return pow(x, static_cast<float>(c)); }, cases});
    t.push_back({"pow", "", [c](auto x) { return pow(x, constant(x, c)); }, cases});
    t.push_back({"pow", "",
                 [c](auto x) { return pow(x, decltype(x)::parameter(constant(x, c).value())); },
                 cases});
  };
  power("x^0", 0,
        {{0, 1, 0, 0},
         {-0.0, 1, 0, 0},
         {-2, 1, 0, 0},
         {inf, 1, 0, 0},
         {-inf, 1, 0, 0},
         {nan, 1, 0, 0, "x^0 is 1"}});
  power("x^1", 1,
        {{0, 0, 1, 0},
         {-0.0, 0, 1, 0},
         {-2, -2, 1, 0},
         {inf, inf, 1, 0},
         {-inf, -inf, 1, 0},
         {nan, nan, 1, 0, "linear"}});
  power("x^2", 2,
        {{0, 0, 0, 2},
         {-0.0, 0, 0, 2},
         {-2, 4, -4, 2},
         {inf, inf, inf, 2},
         {-inf, inf, -inf, 2},
         {nan, nan, nan, 2}});
  power("x^3", 3,
        {{0, 0, 0, 0}, {-2, -8, 12, -12}, {inf, inf, inf, inf}, {-inf, -inf, inf, -inf}, at_nan});
  power("x^0.5", 0.5,
        {{0, 0, inf, -inf, "from the right"},
         {-0.0, 0, inf, -inf},
         {-2, nan, nan, nan, "outside the domain"},
         {inf, inf, 0, 0},
         at_nan});
  power("x^1.5", 1.5, {{0, 0, 0, inf}, {-2, nan, nan, nan}, {inf, inf, inf, 0}});
  power("x^2.5", 2.5, {{0, 0, 0, 0}, {inf, inf, inf, inf}});
  power("x^-1", -1,
        {{0, inf, -inf, inf},
         {-0.0, -inf, -inf, -inf},
         {-2, -0.5, -0.25, -0.25},
         {inf, 0, 0, 0},
         {-inf, 0, 0, 0},
         at_nan});
  power("x^-0.5", -0.5, {{0, inf, -inf, inf}, {-2, nan, nan, nan}, {inf, 0, 0, 0}});
  power("x^inf", inf, {{0, 0, 0, 0}, {0.5, 0, 0, 0}, {2, inf, inf, inf}});
  const auto exponential = [&](const char* text, double a, const std::vector<EdgeCase>& cases) {
    t.push_back({"pow", text, [a](auto x) { return pow(constant(x, a), x); }, cases});
    t.push_back({"pow", "",
                 [a](auto x) { return pow(decltype(x)::parameter(constant(x, a).value()), x); },
                 cases});
  };
  exponential("0^x", 0,
              {{-1, inf, -inf, inf},
               {0, 1, -inf, inf, "of a^x for a from the right"},
               {0.5, 0, 0, 0},
               {1, 0, 0, 0},
               {2, 0, 0, 0},
               {inf, 0, 0, 0},
               at_nan});
  exponential("0.5^x", 0.5, {{inf, 0, 0, 0}, {-inf, inf, -inf, inf}});
  exponential("1^x", 1, {{inf, 1, 0, 0}, {nan, 1, 0, 0, "1^x is 1"}});
  exponential("2^x", 2, {{inf, inf, inf, inf}, {-inf, 0, 0, 0}});
  exponential("inf^x", inf, {{-1, 0, 0, 0}, {0, 1, inf, inf}, {1, inf, inf, inf}});
  exponential("(-2)^x", -2, {{2, 4, nan, nan, "no number for the x beside it"}});
}

}  // namespace edges
