// Times and cycles of NetCDF files: finite, increasing and even within the precision of their type,
// or refused at the first index that is not.
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

const std::string train =
    "train --out run --hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 64 --quiet "
    "--data axis.nc";
const std::string observe =
    "assimilate --quiet --trajectories 1 --cycles 5 --burn-in 0 --spin-up 1 --observations axis.nc";

using Axis = std::function<double(std::size_t)>;

// [1, n, 3] of states, or observations, and their times as they are computed, in this type.
void write(const fs::path& path, bool states, int type, std::size_t n, const Axis& time,
           const char* coordinate = "time") {
  NetcdfTestFile file(path);
  const int values = states ? file.variable("state", NC_FLOAT, state_axes, {1, n, 3})
                            : file.variable("observation", NC_DOUBLE, observation_axes, {1, n, 3});
  const int times = file.variable(coordinate, type, std::vector<int>{1});
  std::vector<double> x(n * 3), t(n);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  for (std::size_t k = 0; k < n; ++k) t[k] = time(k);
  file.put(values, x);
  file.put(times, t);
  REQUIRE(file.close());
}

// Of states and of observations.
void check(const ProgramFolder& folder, int type, std::size_t n, const Axis& time,
           const std::string& mention) {
  for (const bool states : {true, false}) {
    CAPTURE(states, type, n, mention);
    write(folder / "axis.nc", states, type, n, time);
    const Outcome outcome = folder.papillon(states ? train : observe);
    CAPTURE(outcome.err);
    CHECK(outcome.code == (mention.empty() ? 0 : 3));
    if (mention.empty()) continue;
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK_THAT(outcome.err, contains_text("axis.nc: "));
    CHECK_THAT(outcome.err, contains_text(mention));
  }
}

Axis line(double first, double step) {
  return [=](std::size_t k) { return first + static_cast<double>(k) * step; };
}

// As programs do that add the step, in the precision of T.
template <class T>
Axis added_up(double first, double step) {
  return [=](std::size_t k) {
    T t = static_cast<T>(first);
    for (std::size_t i = 0; i < k; ++i) t = t + static_cast<T>(step);
    return static_cast<double>(t);
  };
}

// The line, with one entry, or all from one on, moved.
Axis moved(Axis axis, std::size_t from, std::size_t to, double by) {
  return [=](std::size_t k) { return axis(k) + (k >= from && k < to ? by : 0); };
}

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t end = 1 << 20;

}  // namespace

TEST_CASE("even times are taken, whatever their type can tell of them") {
  const ProgramFolder folder;
  check(folder, NC_DOUBLE, 400, line(0, 0.01), "");
  check(folder, NC_DOUBLE, 400, line(-1e4, 0.01), "");
  check(folder, NC_DOUBLE, 400, line(1e6, 1.0 / 3), "");
  check(folder, NC_FLOAT, 400, line(1000, 0.01), "");
  check(folder, NC_FLOAT, 400, line(10000, 0.01), "");
  check(folder, NC_FLOAT, 400, line(100000, 0.01), "");  // neighbours are .0078 or .0156 apart
  check(folder, NC_INT, 400, line(0, 6), "");
  check(folder, NC_SHORT, 400, line(-200, 1), "");
  check(folder, NC_INT64, 400, line(1.7e18, 1e9), "");  // nanoseconds since 1970
  check(folder, NC_UBYTE, 100, line(0, 2), "");
  check(folder, NC_DOUBLE, 3000, added_up<double>(1000, 0.01), "");
  check(folder, NC_FLOAT, 3000, added_up<double>(1000, 0.01), "");
  check(folder, NC_FLOAT, 3000, added_up<float>(0, 0.01), "");
  check(folder, NC_FLOAT, 3000, added_up<float>(1000, 0.01), "");
}

TEST_CASE("times with a gap, out of order or missing are refused at the first of them") {
  const ProgramFolder folder;
  for (const int type : {NC_DOUBLE, NC_FLOAT}) {
    const Axis even = line(type == NC_FLOAT ? 1000 : 0, 0.01);
    for (const std::size_t at : {2u, 150u, 399u}) {
      const std::string index = " at index " + std::to_string(at);
      check(folder, type, 400, moved(even, at, end, 0.01), index + ", 0.02");
      check(folder, type, 400, moved(even, at, end, 5), index + ", 5.01");
      check(folder, type, 400, moved(even, at, end, 0.002), index);
      check(folder, type, 400, moved(even, at, end, -0.01), index);  // twice nearly the same
      check(folder, type, 400, moved(even, at, end, -7), index + ", after ");
      check(folder, type, 400, moved(even, at, at + 1, 0.004), index);
    }
    check(folder, type, 400, line(4, -0.01), "at index 1, after 4");
    check(folder, type, 400, line(0, 0), "at index 1, after 0");
    check(folder, type, 400, moved(even, 7, 8, nan_value), " 7 is nan");
    check(folder, type, 400, moved(even, 0, 1, nan_value), "is nan");
    // Twice the step: half of the file is from another run.
    check(
        folder, type, 400, [&](std::size_t k) { return even(k < 300 ? k : 2 * k - 300); },
        " at index 301");
  }
  check(
      folder, NC_DOUBLE, 400, [](std::size_t k) { return std::pow(k, 1.001); }, "even");
  check(
      folder, NC_INT, 3, [](std::size_t k) { return k == 2 ? 3.0 : static_cast<double>(k); },
      "is 3 at index 2");
  check(folder, NC_DOUBLE, 5, moved(line(0, 1), 3, 4, NC_FILL_DOUBLE),
        "1 value of 'time' is missing");
  check(folder, NC_INT, 5, moved(line(0, 1), 0, 1, NC_FILL_INT), "1 value of 'time' is missing");
}

TEST_CASE("a variable time that is no axis of the states is refused, not passed over") {
  const ProgramFolder folder;
  const auto refused = [&](const std::vector<int>& axes, int type, const char* attribute,
                           const std::string& mention) {
    for (const bool states : {true, false}) {
      NetcdfTestFile file(folder / "axis.nc");
      const int values =
          states ? file.variable("state", NC_FLOAT, state_axes, {1, 100, 3})
                 : file.variable("observation", NC_DOUBLE, observation_axes, {1, 100, 3});
      const int times = file.variable("time", type, axes);
      if (attribute != nullptr) file.attribute(times, attribute, NC_DOUBLE, {2});
      file.put(values, std::vector<double>(300, 1));
      REQUIRE(file.close());
      const Outcome outcome = folder.papillon(states ? train : observe);
      CAPTURE(outcome.err, states, mention);
      CHECK(outcome.code == 3);
      CHECK_THAT(outcome.err, contains_text("axis.nc: "));
      CHECK_THAT(outcome.err, contains_text(mention));
    }
  };
  refused({}, NC_DOUBLE, nullptr, "'time' has 0 dimensions");
  refused({0, 1}, NC_DOUBLE, nullptr, "'time' has 2 dimensions");
  refused({0}, NC_DOUBLE, nullptr, "dimension 0 of 'time' is");
  refused({2}, NC_FLOAT, nullptr, "dimension 0 of 'time' is");
  refused({1}, NC_STRING, nullptr, "'time' does not hold numbers");
  refused({1}, NC_CHAR, nullptr, "'time' does not hold numbers");
  refused({1}, NC_INT, "scale_factor", "'time' is packed");
  refused({1}, NC_DOUBLE, nullptr, "100 values of 'time' are missing");
}

TEST_CASE("cycles are 0, 1, 2, ...") {
  const ProgramFolder folder;
  const auto outcome = [&](int type, const Axis& cycle) {
    write(folder / "axis.nc", false, type, 10, cycle, "cycle");
    return folder.papillon(observe);
  };
  for (const int type : {NC_INT64, NC_INT, NC_DOUBLE}) {
    CHECK(outcome(type, line(0, 1)).code == 0);
    CHECK_THAT(outcome(type, line(30, 1)).err, contains_text("'cycle' begins with 30;"));
    CHECK_THAT(outcome(type, line(0, 2)).err, contains_text("'cycle' is 2 at index 1;"));
    CHECK_THAT(outcome(type, moved(line(0, 1), 4, end, 1)).err,
               contains_text("'cycle' is 5 at index 4;"));
    CHECK_THAT(outcome(type, line(0, -1)).err, contains_text("'cycle' is -1 at index 1;"));
  }
}

TEST_CASE("states with float32 times are those with exact times, for models and surrogates") {
  const ProgramFolder folder;
  REQUIRE(folder
              .papillon("generate --out data --members 2 --test-members 2 --steps 600 --burn-in "
                        "500 --quiet")
              .code == 0);
  const std::vector<double> states = read_netcdf(folder / "data/test.nc", "state");
  REQUIRE(states.size() == 2 * 600 * 3);
  for (const double first : {1000.0, 10000.0}) {
    NetcdfTestFile file(folder / "float.nc");
    const int state = file.variable("state", NC_FLOAT, state_axes, {2, 600, 3});
    const int time = file.variable("time", NC_FLOAT, std::vector<int>{1});
    std::vector<double> t(600);
    for (std::size_t k = 0; k < t.size(); ++k) t[k] = first + 0.01 * static_cast<double>(k);
    file.put(state, states);
    file.put(time, t);
    REQUIRE(file.close());
    const auto scores = [&](const std::string& command, const std::string& test) {
      const Outcome outcome = folder.papillon(command + test + " --quiet --json r.json");
      CAPTURE(outcome.err, command, test);
      REQUIRE(outcome.code == 0);
      json results = json::parse(file_contents(folder / "r.json"))["results"];
      for (const char* key : {"seconds", "fit_seconds", "score_seconds", "inputs"}) {
        results.erase(key);
        for (auto& entry : results)
          if (entry.is_object()) entry.erase(key);
      }
      return results;
    };
    const std::string twin = "assimilate --cycles 20 --burn-in 5 --truth ";
    CHECK(scores(twin, "float.nc") == scores(twin, "data/test.nc"));
    const std::string surrogate =
        "surrogate --data data/train.nc --models poly2+state --lambda 1 --samples 500 --windows 50 "
        "--leads 10 --no-figure --test ";
    CHECK(scores(surrogate, "float.nc --out a") == scores(surrogate, "data/test.nc --out b"));
  }
}
