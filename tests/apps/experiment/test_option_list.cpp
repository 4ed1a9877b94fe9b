// One list of options: the command line, the environment, a file, help, JSON and the identity of a
// run all know an option that is added to a struct.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "papillon/apps/experiment/identity.hpp"
#include "papillon/apps/option_list.hpp"
#include "papillon/apps/outputs.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
using namespace papillon::apps;

namespace {

struct KiteOptions {
  std::string out, model;
  double string_length = 30;
  std::optional<int> tails{};
  bool loud = false;
  std::size_t knots = 4;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("out", self.out, {"directory", {}, Role::output});
    visit("model", self.model, {"of the wind", {}, Role::input});
    visit("string-length", self.string_length, {"in metres", above(0, 1e3)});
    visit("tails", self.tails, {"of the kite", closed(0, 9)});
    visit("loud", self.loud, {"with a whistle"});
    visit("knots", self.knots, {"in each tail", closed(1, 100)},
          Use{"--tails", [&self] { return self.tails.value_or(0) > 0; }});
  }
};

// The options as main() reads them.
struct Kite {
  KiteOptions values;
  std::vector<Option> list;
  CLI::App program{"", "papillon"};
  CLI::App* app = program.add_subcommand("fly", "");
  std::vector<Settings> layers, runs;

  Kite() {
    append_options(list, values);
    declare(*app, list);
  }
  void read(std::vector<std::string> arguments, const std::string& file = {}) {
    std::reverse(arguments.begin(), arguments.end());
    arguments.push_back("fly");
    program.parse(arguments);
    layers = {given_settings(*app), environment_settings(*app)};
    if (!file.empty()) layers.push_back(read_settings(file, program, "fly", runs));
    assign(list, layers);
    require_used(list, layers.front());
  }
};

std::string message_of(const std::vector<std::string>& arguments, const std::string& file = {}) {
  try {
    Kite().read(arguments, file);
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("an option that a struct lists is known everywhere", "[options]") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "kite.toml").string();
  std::ofstream(file) << "[fly]\ntails = 3\nstring_length = 20\nknots = 7\n";
  ::setenv("PAPILLON_STRING_LENGTH", "10", 1);
  ::setenv("PAPILLON_LOUD", "1", 1);
  Kite kite;
  kite.read({"--knots", "5"}, file);
  ::unsetenv("PAPILLON_STRING_LENGTH");
  ::unsetenv("PAPILLON_LOUD");
  CHECK(kite.values.knots == 5);           // command line before file
  CHECK(kite.values.string_length == 10);  // environment before file
  CHECK(kite.values.tails == 3);           // file before the default
  CHECK(kite.values.loud);
  // Versions of the parser differ in where they break lines and how they show a default.
  std::string help = kite.app->help();
  help.erase(
      std::remove_if(help.begin(), help.end(), [](unsigned char c) { return std::isspace(c); }),
      help.end());
  for (const char* text :
       {"--string-lengthFLOAT:(0,1000]", "30", "--tailsUINT", "--loud", "(--tails)"}) {
    CAPTURE(help, text);
    CHECK(help.find(text) != std::string::npos);
  }
  CHECK(to_json(kite.list).dump() == R"({"string-length":10.0,"tails":3,"loud":true,"knots":5})");
  FileDigests digests;
  const RunSettings identity = run_identity(kite.list, digests);
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::find(identity.begin(), identity.end(), std::pair{name, value}) != identity.end();
  };
  CHECK(has("--string-length", "10"));
  CHECK(has("--knots", "5"));
  kite.values.out = "elsewhere";
  CHECK(run_identity(kite.list, digests) == identity);
  kite.values.tails = 2;
  CHECK(run_identity(kite.list, digests) != identity);
}

TEST_CASE("an option that is not used is refused, and in no JSON or identity", "[options]") {
  CHECK(message_of({"--knots", "5"}) == "--knots: is not used here; it is for --tails");
  CHECK(message_of({"--tails", "2", "--knots", "5"}).empty());
  Kite kite;
  kite.read({});
  CHECK(to_json(kite.list).dump() == R"({"string-length":30.0,"loud":false})");
}

TEST_CASE("what is wrong with a setting is said in one line", "[options]") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "kite.toml").string();
  std::ofstream(file) << "[fly]\nstring_length = -inf\n";
  CHECK(message_of({}, file).find("kite.toml:2: string-length is not finite") != std::string::npos);
  CHECK(message_of({}, folder.path().string()).find("is a folder; must be a TOML file") !=
        std::string::npos);
  CHECK(message_of({}, file + "x").find("no such file") != std::string::npos);
  ::setenv("PAPILLON_LOUD", "maybe", 1);
  CHECK(message_of({}) == "PAPILLON_LOUD: 'maybe' is unknown; must be true or false");
  ::unsetenv("PAPILLON_LOUD");
  CHECK(message_of({"--tails", "10"}).find("--tails: '10' is not a whole number in [0, 9]") == 0);
}

TEST_CASE("files are checked by the roles of their options", "[options]") {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "wind.safetensors").string();
  std::ofstream(file) << "wind";
  Kite kite;
  kite.values.model = file;
  CHECK_NOTHROW(check_files(kite.list));
  kite.values.out = file;
  CHECK_THROWS_AS(check_files(kite.list), UsageError);
  kite.values.out.clear();
  kite.values.model = folder.path().string();
  CHECK_THROWS_AS(check_files(kite.list), InputError);
}
