// Laws of the options of papillon assimilate that hold for each of them, whatever it is called.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.hpp"
#include "papillon/apps/assimilate/run.hpp"
#include "papillon/apps/option_list.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
using namespace papillon::apps;

namespace {

// A run in which the option is used: what it is for ("--method enoi --ensemble diffusion", or
// words) is assigned first.
AssimilationRun run_with(const Option& option) {
  AssimilationRun run{AssimilateOptions{}, Context{}};
  run.options.results.listed = true;
  const auto assign = [&](const std::string& name, const std::string& value) {
    for (Option& o : run.list())
      if (o.name == name) o.assign({value});
  };
  std::istringstream words(option.use);
  for (std::string word; words >> word;) {
    if (word.rfind("--", 0) != 0) continue;
    const std::string name = word.substr(2);
    if (name == "method" || name == "ensemble" || name == "sampler" || name == "system") {
      words >> word;
      assign(name, word);
    } else if (name == "truth" || name == "out" || name == "tune") {
      assign(name, name == "tune" ? "members" : "somewhere");
    } else if (name == "spread" && option.use.rfind("experiments", 0) != 0) {
      assign("spread", "5");
    }
  }
  if (option.use == "model noise") assign("forecast-noise", "0.1");
  return run;
}

// A value of the option that is not the one that it has.
std::string another_value(const Option& option) {
  const std::vector<std::string> values = option.values();
  const std::string present = values.empty() ? "" : values[0];
  switch (option.kind) {
    case Option::Kind::flag:
      return present == "true" ? "false" : "true";
    case Option::Kind::text:
      for (const std::string& choice : option.info.choices)
        if (choice != present) return choice;
      return present == "another" ? "one more" : "another";
    default:
      break;
  }
  // Something inside of the range, near its low end.
  const double low = static_cast<double>(option.info.range.low),
               high = static_cast<double>(option.info.range.high);
  for (const double value : {1.0, 2.0, 3.0, 4.0, 5.0, low + 0.25, low + 0.5 * (high - low)})
    if (value > low && value < high && fmt::format("{}", value) != present &&
        (option.kind == Option::Kind::number || value == std::floor(value)))
      return fmt::format("{}", value);
  return std::to_string(static_cast<long long>(low));
}

struct Gain {
  double gain = 0.5;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("gain", self.gain, {"of the innovation", closed(0, 1)});
  }
};

Option* find_used(std::vector<Option>& list, const Option& like) {
  for (Option& option : list)
    if (option.name == like.name && option.is_used()) return &option;
  return nullptr;
}

}  // namespace

TEST_CASE("every option is part of a run's identity, unless it is an output or for display",
          "[experiment]") {
  AssimilationRun any{AssimilateOptions{}, Context{}};
  std::size_t compared = 0;
  for (const Option& option : any.list()) {
    CAPTURE(option.name, option.use);
    AssimilationRun run = run_with(option);
    std::vector<Option> list = run.list();
    Option* mine = find_used(list, option);
    REQUIRE(mine != nullptr);
    FileDigests digests;
    mine->assign({another_value(*mine)});  // where it decides over others, these are used now
    const RunSettings before = run.identity(digests);
    mine->assign({another_value(*mine)});
    const bool without = option.is(Role::output | Role::display | Role::transient);
    CHECK((run.identity(digests) == before) == without);
    // And it changes nothing but itself in the JSON of the configuration.
    CHECK((to_json(run.list()).contains(option.name)) == !option.is(Role::transient));
    ++compared;
  }
  CHECK(compared > 80);
}

TEST_CASE("runs that differ in a paired option are not compared in pairs", "[experiment]") {
  AssimilationRun any{AssimilateOptions{}, Context{}};
  for (const Option& option : any.list()) {
    CAPTURE(option.name, option.use);
    AssimilationRun run = run_with(option);
    const AssimilationRun other = run;
    CHECK_NOTHROW(require_pair(run, other));
    std::vector<Option> list = run.list();
    Option* mine = find_used(list, option);
    REQUIRE(mine != nullptr);
    const bool paired = mine->is(Role::paired);
    mine->assign({another_value(*mine)});
    if (paired) CHECK_THROWS_AS(require_pair(run, other), UsageError);
    // What decides over a paired option (the truth over its first time) is paired itself, or is
    // the presence of model noise.
    else if (option.name != "forecast-noise" && option.name != "forecast-noise-covariance")
      CHECK_NOTHROW(require_pair(run, other));
  }
}

TEST_CASE("the climate of runs with a scale of their own need not be the same", "[experiment]") {
  AssimilationRun run{AssimilateOptions{}, Context{}}, other = run;
  run.options.truth.climate = "a.nc";
  CHECK_THROWS_AS(require_pair(run, other), UsageError);
  run.options.truth.scale = other.options.truth.scale = {1, 2, 3};
  CHECK_NOTHROW(require_pair(run, other));
}

TEST_CASE("a trial of a search depends on no option of the test alone", "[experiment]") {
  AssimilationRun any{AssimilateOptions{}, Context{}};
  for (const Option& option : any.list()) {
    if (!option.is(Role::test_only)) continue;
    CAPTURE(option.name);
    AssimilationRun run = run_with(option);
    run.options.tuning.option = "members";
    std::vector<Option> list = run.list();
    Option* mine = find_used(list, option);
    REQUIRE(mine != nullptr);
    FileDigests digests;
    const RunSettings before = run.identity(digests, Role::test_only);
    mine->assign({another_value(*mine)});
    CHECK(run.identity(digests, Role::test_only) == before);
  }
}

TEST_CASE("a file that is read is part of a run's identity by its contents", "[experiment]") {
  const TemporaryFolder folder;
  const std::string file = (folder / "a.nc").string();
  AssimilationRun any{AssimilateOptions{}, Context{}};
  for (const Option& option : any.list()) {
    if (!option.is(Role::input) || option.name == "config") continue;
    CAPTURE(option.name);
    AssimilationRun run = run_with(option);
    std::vector<Option> list = run.list();
    find_used(list, option)->assign({file});
    put_file(file, "one");
    FileDigests first, second;
    const RunSettings before = run.identity(first);
    put_file(file, "two");
    CHECK(run.identity(first) == before);  // read once
    CHECK(run.identity(second) != before);
    CHECK(run.digests(second).contains(file));
  }
}

TEST_CASE("a method of one's own has its options refused with another method", "[experiment]") {
  MethodRegistry registry = methods();
  registry.add<Gain>("nudging", [](const Gain&, const MethodInputs&) { return MethodPointer(); });
  AssimilationRun run{AssimilateOptions(registry), Context{}};
  const Settings given = {{"gain", {{"0.25"}, "--gain", false}}};
  std::vector<Option> list = run.list();
  assign(list, std::vector<Settings>{given});
  CHECK_THROWS_AS(require_used(list, given), UsageError);
  for (Option& option : list)
    if (option.name == "method") option.assign({"nudging"});
  CHECK_NOTHROW(require_used(list, given));
  CHECK(to_json(list)["gain"] == 0.25);
  CHECK(!to_json(list).contains("radius"));
}
