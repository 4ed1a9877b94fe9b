// Every op's derivatives are right: vjp, jvp, float, and second derivatives.
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "catch.hpp"
#include "papillon/autograd/gradcheck/op_samples.hpp"

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

TEST_CASE("the table names each op of ops.hpp once", "[gradcheck]") {
  std::set<std::string> checked, declared;
  for (const GradcheckRow& row : run_gradcheck_table(2)) CHECK(checked.insert(row.op).second);
  const auto root = std::filesystem::path(PAPILLON_TEST_DATA) / "../../..";
  std::ifstream header((root / "autograd/ops.hpp").lexically_normal());
  const std::regex declaration(R"(Var<T> (\w+)\(const)");
  std::smatch match;
  for (std::string line; std::getline(header, line);)
    if (std::regex_search(line, match, declaration)) declared.insert(match[1]);
  CHECK(declared.size() >= 37);
  CHECK(checked == declared);
}
