// What a subcommand is, and what it is given to run with.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "papillon/apps/settings.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::apps {

using Json = nlohmann::ordered_json;

// A command line that makes no sense: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Context {
  std::uint64_t seed = 0;
  std::size_t threads = 0;  // as asked for; 0: all processors
  std::string config, json;
  bool quiet = false;
  std::string command, command_line;
  Json settings;  // the resolved options of the command
  // Where they are from, in order of precedence: command line, environment, file, preset; and the
  // runs that the file lists, for a command that makes several.
  std::vector<Settings> layers, runs;

  // What the line of a run says that a signal ends where it is: "interrupted; <what>".
  void say_when_interrupted(const std::string& what) const;
  // Whether the command line has this option.
  bool given(const std::string& option) const {
    return !layers.empty() && layers.front().count(option) != 0;
  }
  // Whether tables go to stdout (they do not where the JSON does).
  bool tables() const { return json != "-"; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("config", self.config, {"TOML file with options", {}, Role::input | Role::transient});
    visit("seed", self.seed,
          {"of all random numbers", closed(0, std::numeric_limits<std::uint64_t>::max()),
           Role::paired});
    visit("threads", self.threads, {"0: one for each processor", closed(0, 4096), Role::display});
    visit("json", self.json,
          {"file for the machine-readable result (-: stdout)", {}, Role::output | Role::transient});
    visit("quiet", self.quiet, {"no messages but errors", {}, Role::transient});
  }
};

class Command {
 public:
  virtual ~Command() = default;
  virtual const char* name() const = 0;
  virtual const char* about() const = 0;
  virtual const char* example() const = 0;          // lines; help begins with them
  virtual const char* notes() const { return ""; }  // help ends with them
  // The options, bound to the command's members.
  virtual std::vector<Option> options() { return {}; }
  // Checks all options, all inputs and where the outputs go before it writes anything.
  // Returns what --json calls "results"; a key "failed" (true, or a message) is not written: the
  // exit code is then that of a numerical failure.
  virtual Json run(const Context& context) = 0;
  // Settings under all others (a preset), once flags, environment and file are known.
  virtual Settings preset() const { return {}; }
  // The configuration file where --config names none; empty: none.
  virtual std::string default_config() const { return {}; }
};

std::unique_ptr<Command> make_generate();
std::unique_ptr<Command> make_train();
std::unique_ptr<Command> make_sample();
std::unique_ptr<Command> make_evaluate();
std::unique_ptr<Command> make_surrogate();
std::unique_ptr<Command> make_assimilate();
std::unique_ptr<Command> make_gradcheck();
std::unique_ptr<Command> make_bench();
std::unique_ptr<Command> make_info();

// What --json writes: command, version, commit, seed, threads, configuration, seconds, results.
Json result_document(const Context& context, double seconds, Json results);

// Throws UsageError unless the option has a value.
void require(const std::string& value, const char* option);

}  // namespace papillon::apps
