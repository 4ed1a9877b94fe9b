// What help says of an option is so: every number has a range, what lies outside is refused before
// anything is written, and what lies inside is refused only where another option or an input
// forbids it.
#include <algorithm>
#include <set>

#include "apps/documented_options.hpp"
#include "apps/process.hpp"
#include "apps/small_subcommands.hpp"
#include "catch.hpp"

using namespace papillon::test;
namespace fs = std::filesystem;

namespace {

using Files = std::set<std::string>;

Files files_in(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files.insert(fs::relative(entry.path(), folder).string());
  return files;
}

// Trajectories, a few states and a model, for all of them.
void make_inputs(const TemporaryFolder& folder) {
  const auto run = [&](const std::vector<std::string>& arguments) {
    const Ended ended = run_limited(folder, arguments, {}, 60);
    CAPTURE(ended.err);
    REQUIRE(ended.code == 0);
  };
  run({"generate", "--out", "data", "--members", "2", "--test-members", "2", "--steps", "400",
       "--burn-in", "400", "--quiet"});
  run({"train", "--data", "data/train.nc", "--out", "run", "--samples", "64", "--batch-size", "8",
       "--hidden", "8", "--blocks", "1", "--embedding", "8", "--diffusion-steps", "20", "--quiet"});
  run({"sample", "--model", "run/model.safetensors", "--count", "8", "--steps", "4", "--out",
       "few.npy", "--quiet"});
}

std::vector<DocumentedOption> options_of(const TemporaryFolder& folder,
                                         const std::string& command) {
  const Ended help = run_limited(folder, {command, "--help"}, {}, 20);
  REQUIRE(help.code == 0);
  return documented_options(help.out);
}

// One run with one option given; what it left behind is removed again.
Ended run_with(const TemporaryFolder& folder, const Subcommand& command, const std::string& option,
               const std::string& value, Files& left, double seconds = 2) {
  Environment environment = command.base;
  environment["PAPILLON_THREADS"] = "2";
  if (const auto found = command.beside.find(option); found != command.beside.end())
    for (const auto& [name, setting] : found->second) environment[name] = setting;
  std::vector<std::string> arguments = {command.name, "--quiet", option + "=" + value};
  arguments.insert(arguments.end(), command.flags.begin(), command.flags.end());
  const Files before = files_in(folder.path());
  Ended ended = run_limited(folder, arguments, environment, seconds);
  left.clear();
  for (const std::string& file : files_in(folder.path()))
    if (before.count(file) == 0) left.insert(file);
  for (const std::string& file : left) fs::remove_all(folder / file);
  return ended;
}

bool says_range(const Ended& ended) {
  return ended.err.find("is not a number in") != std::string::npos ||
         ended.err.find("is not a whole number in") != std::string::npos;
}

// Exit codes that are documented, one line of error, nothing left of what failed.
void check_end(const Ended& ended, const Files& left) {
  CAPTURE(ended.err, ended.code, ended.signals);
  CHECK(ended.signals < 3);
  const std::set<int> documented = {0, 2, 3, 4};
  CHECK((documented.count(ended.code) == 1 || (ended.code == 130 && ended.signals > 0)));
  for (const std::string& file : left) {
    CAPTURE(file);
    // What a second signal ended had no time to tidy up.
    CHECK((ended.signals > 1 || fs::path(file).extension() != ".tmp"));
  }
  if (ended.code == 0 || ended.code == 130) return;
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  CHECK_THAT(ended.err, contains_text("error:"));
  // A run that fails numerically keeps what was finished before.
  if (ended.code != 4) CHECK(left.empty());
}

Ended must_be_refused(const TemporaryFolder& folder, const Subcommand& command,
                      const std::string& option, const std::string& value) {
  CAPTURE(command.name, option, value);
  Files left;
  const Ended ended = run_with(folder, command, option, value, left);
  CAPTURE(ended.err);
  CHECK(ended.code == 2);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
  CHECK_THAT(ended.err, contains_text(option));
  CHECK(left.empty());
  return ended;
}

// Just outside: above an end that belongs to the range, or the end itself.
std::string below_low(const DocumentedOption& option) {
  const DocumentedRange& range = *option.range;
  if (range.without_low) return range.low;
  const double low = std::stod(range.low);
  if (option.type == "FLOAT") return std::to_string(low - std::max(1e-5, std::abs(low) * 1e-5));
  return std::to_string(std::stoll(range.low) - 1);
}
std::string above_high(const DocumentedOption& option) {
  const DocumentedRange& range = *option.range;
  if (range.without_high) return range.high;
  const double high = std::stod(range.high);
  if (option.type == "FLOAT") return high >= 1e300 ? "1e301" : std::to_string(high * 1.0001);
  return range.high == "18446744073709551615" ? "18446744073709551616"
                                              : std::to_string(std::stoull(range.high) + 1);
}
// The ends, or what is next to them inside.
std::string lowest(const DocumentedOption& option) {
  return option.range->without_low ? "1e-300" : option.range->low;
}
std::string highest(const DocumentedOption& option) {
  return option.range->without_high ? std::to_string(std::stod(option.range->high) * 0.999999)
                                    : option.range->high;
}

}  // namespace

TEST_CASE("every number among the options has a range in the help", "[ranges]") {
  const TemporaryFolder folder;
  for (const Subcommand& command : subcommands()) {
    const auto options = options_of(folder, command.name);
    CAPTURE(command.name);
    CHECK(options.size() >= 5);  // the common ones at least
    for (const DocumentedOption& option : options) {
      CAPTURE(option.name);
      CHECK(option.is_number() == option.range.has_value());
    }
  }
}

TEST_CASE("one beyond an option's range is refused by the range, and nothing is written",
          "[ranges]") {
  const TemporaryFolder folder;
  make_inputs(folder);
  for (const Subcommand& command : subcommands())
    for (const DocumentedOption& option : options_of(folder, command.name)) {
      if (option.range) {
        for (const std::string& value : {below_low(option), above_high(option)})
          CHECK(says_range(must_be_refused(folder, command, option.name, value)));
      }
      if (!option.choices.empty()) must_be_refused(folder, command, option.name, "else");
    }
}

TEST_CASE("what is no number is refused in one line, whatever form it has", "[ranges]") {
  const TemporaryFolder folder;
  for (const Subcommand& command : subcommands()) {
    // All are parsed alike: these have every type of option.
    if (command.name != "info" && command.name != "assimilate") continue;
    std::set<std::string> types;  // one option of each
    for (const DocumentedOption& option : options_of(folder, command.name)) {
      if (!option.range || !types.insert(option.type).second) continue;
      for (const std::string value : {"nan",    "-nan",     "inf",
                                      "-inf",   "infinity", "1e400",
                                      "-1e400", "0x10",     "0x1p3",
                                      "1e",     "1.2.3",    "--1",
                                      "+-1",    " 1",       "1 ",
                                      "1_000",  "12Mb",     "M",
                                      "k",      "one",      "999999999999999999999999999999999999"})
        must_be_refused(folder, command, option.name, value);
      if (option.type != "FLOAT")
        for (const std::string value : {"1.5", "1e-3", "0.0001k"})
          must_be_refused(folder, command, option.name, value);
      // Nothing at all is no number, either.
      must_be_refused(folder, command, option.name, "");
    }
  }
}

TEST_CASE("numbers have the forms that people write", "[ranges]") {
  const TemporaryFolder folder;
  const auto generated = [&](const std::string& option, const std::string& value) {
    Files left;
    const Ended ended = run_with(folder, subcommands()[3], option, value, left);
    CAPTURE(option, value, ended.err);
    CHECK(ended.code == 0);
  };
  for (const std::string count : {"2", "+2", "002", "2.0", "2e0", "0.2e1", "0.002k"})
    generated("--members", count);
  for (const std::string zero : {"0", "-0", "0.0", "-0.0", "0e5"}) {
    generated("--burn-in", zero);
    generated("--forcing", zero);
  }
  for (const std::string number : {"0.01", ".01", "1e-2", "+0.01", "1E-02"})
    generated("--dt", number);
  // Whole numbers are exact, beyond what a double can hold.
  for (const auto& [written, is] : {std::pair{"9007199254740993", "9007199254740993"},
                                    std::pair{"9007199254740.993e3", "9007199254740993"},
                                    std::pair{"9007199254740.993k", "9007199254740993"},
                                    std::pair{"1e19", "10000000000000000000"},
                                    std::pair{"18446744073709551615", "18446744073709551615"},
                                    std::pair{"010", "10"}, std::pair{"12M", "12000000"}}) {
    CAPTURE(written);
    const Ended ended = run_limited(folder, {"info", "--seed", written, "--json", "-"}, {}, 20);
    CHECK(ended.code == 0);
    CHECK_THAT(ended.out, contains_text(std::string("\"seed\": ") + is + ","));
  }
}

TEST_CASE("both ends of every option's range are what another reason alone forbids",
          "[ranges][.slow]") {
  const TemporaryFolder folder;
  make_inputs(folder);
  for (const Subcommand& command : subcommands())
    for (const DocumentedOption& option : options_of(folder, command.name)) {
      // The same for all: two subcommands are enough.
      const bool common = option.name == "--seed" || option.name == "--threads";
      if (common && command.name != "info" && command.name != "generate") continue;
      std::vector<std::string> values = option.choices;
      if (option.range) values = {lowest(option), highest(option)};
      for (const std::string& value : values) {
        CAPTURE(command.name, option.name, value);
        Files left;
        const Ended ended = run_with(folder, command, option.name, value, left);
        check_end(ended, left);
        CAPTURE(ended.err);
        CHECK(!says_range(ended));
      }
    }
}
