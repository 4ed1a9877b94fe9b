// A table for people and a CSV file from one list of columns.
#include <cmath>

#include "catch.hpp"
#include "papillon/apps/experiment/table.hpp"

using namespace papillon::apps;

namespace {

struct Row {
  std::string name;
  double value, error;
};

const std::vector<Column<Row>> columns = {
    text_column<Row>(
        "run", "name", [](const Row& r) { return r.name; }, true),
    measured_column<Row>("nRMSE", "nrmse",
                         [](const Row& r) {
                           return Measured{r.value, r.error};
                         }),
    number_column<Row>("", "twice", [](const Row& r) { return 2 * r.value; }),
    number_column<Row>(
        "per cent", "", [](const Row& r) { return 100 * r.value; }, "{:.1f}")};

}  // namespace

TEST_CASE("CSV has the columns with a name, and quotes texts", "[experiment]") {
  const std::vector<Row> rows = {{"a \"b\", c", 0.25, 0.5}, {"d", std::nan(""), std::nan("")}};
  CHECK(csv<Row>(columns, rows) ==
        "name,nrmse,nrmse_se,twice\n\"a \"\"b\"\", c\",0.25,0.5,0.5\n\"d\",,,\n");
}

TEST_CASE("a table for people has the columns with a heading, aligned", "[experiment]") {
  const std::vector<Row> rows = {{"long name", 0.25, 0.5}, {"d", 10, std::nan("")}};
  const auto note = [](const Row& r) { return r.name == "d" ? "(lost)" : ""; };
  CHECK(aligned<Row>(columns, rows, note) ==
        "run                  nRMSE  per cent\n"
        "long name  0.2500 ± 0.5000      25.0\n"
        "d                  10.0000    1000.0  (lost)\n");
}
