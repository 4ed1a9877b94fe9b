// Every op's derivatives are right: vjp, jvp, float, and second derivatives.
#include <set>

#include "catch.hpp"
#include "papillon/autograd/gradcheck_table.hpp"

using namespace papillon;

TEST_CASE("every op of the table passes, with room to spare", "[gradcheck]") {
  for (const GradcheckRow& row : run_gradcheck_table(GENERATE(0u, 1u))) {
    INFO(row.op << "\n" << row.text);
    CHECK(row.verdict == Verdict::pass);
    CHECK(row.worst_error < 1e-6);
    CHECK(row.error_bar < 1e-5);
    CHECK(row.samples > 0);
  }
}

TEST_CASE("the table names each op once", "[gradcheck]") {
  std::set<std::string> names;
  for (const GradcheckRow& row : run_gradcheck_table(2)) CHECK(names.insert(row.op).second);
  for (const char* op : {"add",          "sub",
                         "mul",          "div",
                         "neg",          "pow",
                         "maximum",      "minimum",
                         "exp",          "log",
                         "sqrt",         "sin",
                         "cos",          "tanh",
                         "erf",          "abs",
                         "clip",         "sigmoid",
                         "relu",         "silu",
                         "gelu",         "matmul",
                         "sum",          "mean",
                         "log_sum_exp",  "softmax",
                         "reshape",      "transpose",
                         "broadcast_to", "sum_to",
                         "concatenate",  "slice",
                         "gather_rows",  "scatter_add_rows",
                         "layer_norm",   "mse_loss",
                         "mae_loss"}) {
    INFO(op);
    CHECK(names.count(op) == 1);
  }
}
