// One set of rules for every NetCDF variable that any subcommand reads: what is missing, and what
// cannot be read.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/netcdf_file.hpp"
#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

const std::string train =
    "train --out run --hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 64 --quiet "
    "--data ";
const std::string assimilate =
    "assimilate --quiet --trajectories 2 --cycles 5 --burn-in 0 --spin-up 1 --json r.json "
    "--observations ";

// All values are between 1 and 2, but for the last of the last but one time (or cycle).
constexpr std::array<std::size_t, 3> extents = {2, 10, 3};
constexpr std::size_t at = 2 * 10 * 3 - 4;

std::vector<double> with_hole(double hole) {
  std::vector<double> values(2 * 10 * 3);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 1.5 + 0.25 * std::sin(static_cast<double>(i));
  values[at] = hole;
  return values;
}

using Attributes = std::function<void(NetcdfTestFile&, int)>;

void write(const fs::path& path, bool states, int type, double hole, const Attributes& attributes) {
  NetcdfTestFile file(path);
  const int variable = states ? file.variable("state", type, state_axes, extents)
                              : file.variable("observation", type, observation_axes, extents);
  attributes(file, variable);
  file.put(variable, with_hole(hole));
  REQUIRE(file.close());
}

Outcome refused(const ProgramFolder& folder, const std::string& arguments,
                const std::vector<std::string>& mentions) {
  const Outcome outcome = folder.papillon(arguments);
  CAPTURE(arguments, outcome.err);
  CHECK(outcome.code == 3);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  for (const std::string& word : mentions) CHECK_THAT(outcome.err, contains_text(word));
  return outcome;
}

json analysis(const ProgramFolder& folder, const std::string& arguments) {
  const Outcome outcome = folder.papillon(arguments);
  CAPTURE(arguments, outcome.err);
  REQUIRE(outcome.code == 0);
  return json::parse(file_contents(folder / "r.json"))["results"]["analysis"];
}

struct Rule {
  const char* attribute;
  std::vector<double> values;
  double hole, no_hole;  // no_hole: at the edge, and valid
};

}  // namespace

TEST_CASE("what marks a missing value does so in states and observations, whatever its type") {
  const ProgramFolder folder;
  write(folder / "nan.nc", false, NC_DOUBLE, nan_value, [](auto& file, int variable) {
    file.attribute(variable, "_FillValue", NC_DOUBLE, {nan_value});
  });
  const json wanted = analysis(folder, assimilate + "nan.nc");
  const std::vector<Rule> rules = {
      {"missing_value", {-99}, -99, -98}, {"missing_value", {7, -99, 8}, -99, -98},
      {"valid_min", {1}, 0.5, 1},         {"valid_max", {2}, 2.5, 2},
      {"valid_range", {1, 2}, 3, 2},      {"valid_range", {-5, 5}, -99, -5}};
  // In turn, that each attribute meets each type; all with all take too long.
  const std::vector<int> types = {NC_DOUBLE, NC_FLOAT, NC_INT, NC_SHORT, NC_BYTE, NC_INT64};
  for (std::size_t r = 0; r < rules.size(); ++r) {
    for (std::size_t t = 0; t < 2; ++t) {
      const Rule& rule = rules[r];
      const int of_values = t == 0 ? NC_FLOAT : NC_DOUBLE, of_attribute = types[(r + 3 * t) % 6];
      CAPTURE(rule.attribute, of_values, of_attribute);
      const auto attribute = [&](NetcdfTestFile& file, int variable) {
        file.attribute(variable, rule.attribute, of_attribute, rule.values);
      };
      write(folder / "s.nc", true, of_values, rule.hole, attribute);
      refused(folder, train + "s.nc",
              {"s.nc: 1 value of 'state' is missing, the first at member 1, time 8, component 2"});
      write(folder / "good.nc", true, of_values, rule.no_hole, attribute);
      CHECK(folder.papillon(train + "good.nc").code == 0);
      write(folder / "y.nc", false, of_values, rule.hole, attribute);
      const json is = analysis(folder, assimilate + "y.nc");
      // Values in float are others, but for the hole.
      if (of_values == NC_DOUBLE) CHECK(is == wanted);
    }
  }
}

TEST_CASE("an attribute is converted to the variable's type before it is compared") {
  const ProgramFolder folder;
  // None of these is a float.
  for (const double mark : {-9999.9, 1e20, 1e-3}) {
    CAPTURE(mark);
    const auto attribute = [&](NetcdfTestFile& file, int variable) {
      file.attribute(variable, "missing_value", NC_DOUBLE, {mark});
    };
    write(folder / "s.nc", true, NC_FLOAT, mark, attribute);
    refused(folder, train + "s.nc", {"1 value of 'state' is missing"});
    write(folder / "y.nc", false, NC_FLOAT, mark, attribute);
    analysis(folder, assimilate + "y.nc");
  }
  // 1.7 as a float is above 1.7, and valid.
  write(folder / "edge.nc", true, NC_FLOAT, 1.9,
        [](auto& file, int variable) { file.attribute(variable, "valid_max", NC_DOUBLE, {1.9}); });
  CHECK(folder.papillon(train + "edge.nc").code == 0);
  // Beyond float, it marks nothing.
  write(folder / "far.nc", true, NC_FLOAT, 1.9, [](auto& file, int variable) {
    file.attribute(variable, "missing_value", NC_DOUBLE, {1e300});
  });
  CHECK(folder.papillon(train + "far.nc").code == 0);
}

TEST_CASE("the fill value is the attribute's, or else that of the type; NaN is none by itself") {
  const ProgramFolder folder;
  const auto nothing = [](NetcdfTestFile&, int) {};
  for (const int type : {NC_FLOAT, NC_DOUBLE}) {
    CAPTURE(type);
    const auto fill = [&](double value) {
      return [=](NetcdfTestFile& file, int variable) {
        file.attribute(variable, "_FillValue", type, {value});
      };
    };
    const double standard = type == NC_FLOAT ? static_cast<double>(NC_FILL_FLOAT) : NC_FILL_DOUBLE;
    for (const double value : {standard, -1.0, nan_value}) {
      CAPTURE(value);
      const Attributes attributes = value == standard ? Attributes(nothing) : fill(value);
      write(folder / "s.nc", true, type, value, attributes);
      refused(folder, train + "s.nc", {"1 value of 'state' is missing", "time 8"});
      write(folder / "y.nc", false, type, value, attributes);
      analysis(folder, assimilate + "y.nc");
    }
    for (const double value : {nan_value, infinity, -infinity}) {
      write(folder / "s.nc", true, type, value, nothing);
      refused(folder, train + "s.nc",
              {"'state' at member 1, time 8, component 2 is ", "not finite"});
      write(folder / "y.nc", false, type, value, fill(-1));
      refused(folder, assimilate + "y.nc",
              {"'observation' at trajectory 1, cycle 8, observed 2 is ", "not finite"});
    }
  }
}

TEST_CASE("attributes that make no sense are refused for states and observations alike") {
  const ProgramFolder folder;
  struct Bad {
    Attributes attributes;
    std::string mention;
  };
  const auto number = [](const char* name, const std::vector<double>& values) {
    return [=](NetcdfTestFile& file, int variable) {
      file.attribute(variable, name, NC_DOUBLE, values);
    };
  };
  const auto text = [](const char* name) {
    return [=](NetcdfTestFile& file, int variable) { file.text(variable, name, "none"); };
  };
  const std::vector<Bad> all = {
      {text("missing_value"), "missing_value that is not a number"},
      {text("valid_min"), "valid_min that is not a number"},
      {text("scale_factor"), "scale_factor that is not a number"},
      {number("valid_range", {1}), "valid_range of 1 values"},
      {number("valid_range", {1, 2, 3}), "valid_range of 3 values"},
      {number("valid_range", {2, 1}), "empty valid range, from 2 to 1"},
      {number("valid_min", {nan_value}), "valid_min"},
      {number("valid_max", {1, 2}), "valid_max of 2 values"},
      {number("scale_factor", {2}), "packed (scale_factor 2)"},
      {number("add_offset", {-1}), "packed (add_offset -1)"},
      {[](NetcdfTestFile& file, int variable) {
         file.attribute(variable, "valid_range", NC_DOUBLE, {0, 9});
         file.attribute(variable, "valid_max", NC_DOUBLE, {9});
       },
       "valid_range and a valid_min or valid_max"},
      {[](NetcdfTestFile& file, int variable) {
         file.attribute(variable, "valid_min", NC_INT, {3});
         file.attribute(variable, "valid_max", NC_FLOAT, {2});
       },
       "empty valid range"},
  };
  for (const Bad& bad : all) {
    write(folder / "s.nc", true, NC_FLOAT, 1, bad.attributes);
    refused(folder, train + "s.nc", {"s.nc: 'state' ", bad.mention});
    write(folder / "y.nc", false, NC_FLOAT, 1, bad.attributes);
    refused(folder, assimilate + "y.nc", {"y.nc: 'observation' ", bad.mention});
  }
  // Packed by nothing is not packed.
  const auto unpacked = [](NetcdfTestFile& file, int variable) {
    file.attribute(variable, "scale_factor", NC_DOUBLE, {1});
    file.attribute(variable, "add_offset", NC_DOUBLE, {0});
  };
  write(folder / "s.nc", true, NC_FLOAT, 1, unpacked);
  CHECK(folder.papillon(train + "s.nc").code == 0);
  for (const int type : {NC_INT, NC_BYTE, NC_UINT64}) {
    const auto nothing = [](NetcdfTestFile&, int) {};
    write(folder / "s.nc", true, type, 1, nothing);
    refused(folder, train + "s.nc", {"'state' is neither float nor double"});
    write(folder / "y.nc", false, type, 1, nothing);
    refused(folder, assimilate + "y.nc", {"'observation' is neither float nor double"});
  }
}

TEST_CASE("every option that takes states refuses holes") {
  const ProgramFolder folder;
  REQUIRE(folder
              .papillon("generate --out data --members 1 --test-members 1 --steps 200 --burn-in "
                        "50 --quiet")
              .code == 0);
  REQUIRE(folder.papillon(train + "data/train.nc").code == 0);
  write(folder / "h.nc", true, NC_FLOAT, -9999, [](auto& file, int variable) {
    file.attribute(variable, "missing_value", NC_DOUBLE, {-9999});
  });
  const std::string
      evaluate = "evaluate --quiet --samples ",
      surrogate =
          "surrogate --quiet --no-figure --out s --samples 100 --models poly2+state --data ",
      twin = "assimilate --quiet --cycles 5 --burn-in 0 ";
  for (const std::string& arguments :
       {train + "data/train.nc --validation h.nc", evaluate + "h.nc --reference data/test.nc",
        evaluate + "data/train.nc --reference h.nc",
        evaluate + "data/train.nc --reference data/test.nc --independent h.nc",
        surrogate + "h.nc --test data/test.nc --lambda 1",
        surrogate + "data/train.nc --test h.nc --lambda 1",
        surrogate + "data/train.nc --test data/test.nc --validation h.nc", twin + "--truth h.nc",
        twin + "--climate h.nc",
        twin + "--method enoi --ensemble posterior --model run/model.safetensors --library h.nc",
        std::string("sample --quiet --model run/model.safetensors --out x.npy --start-step 4 "
                    "--from h.nc")})
    refused(folder, arguments,
            {"h.nc: 1 value of 'state' is missing, the first at member 1, time 8, component 2 "
             "(-9999)"});
}
