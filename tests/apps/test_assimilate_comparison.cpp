// papillon assimilate with a file of experiments: runs from lists, each done once; differences in
// pairs; spread; figures.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

constexpr const char* experiments = R"(
seed = 3
[assimilate]
trajectories = 3
burn-in = 30
cycles = 60
baseline = "oi-every-{interval}"
control = "etkf-3-every-{interval}"

[[assimilate.run]]
name = "etkf-{members}-every-{interval}"
series = "ETKF, {members} members"
members = [3, 3, 8]
interval = [5, 10, 10]
prior-variance-inflation = 1.2

[[assimilate.run]]
name = "oi-every-{interval}"
series = "OI"
method = "oi"
interval = [5, 10]
covariance = "{out}/etkf-3-every-{interval}/results.json"
tune = "deviation-inflation"
range = ["0.8:3", "1:4"]
points = 3
tune-cycles = 20
tune-burn-in = 5
tune-trajectories = 2
)";

json run_of(const json& table, const std::string& name) {
  for (const json& run : table["runs"])
    if (run["name"] == name) return run;
  FAIL("no run " << name);
  return {};
}

void must_fail(const ProgramFolder& folder, const std::string& text, int code,
               const std::string& mention) {
  put_file(folder / "bad.toml", text);
  const Outcome outcome = folder.papillon("assimilate --config bad.toml --quiet");
  CAPTURE(text, outcome.err);
  CHECK(outcome.code == code);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.find(mention) != std::string::npos);
}

}  // namespace

TEST_CASE("a file of experiments: each run is done once, with its table at the end") {
  const ProgramFolder folder;
  put_file(folder / "e.toml", experiments);
  const std::string command = "assimilate --config e.toml --out out";
  const Outcome first = folder.papillon(command);
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, contains_text("etkf-8-every-10"));
  CHECK_THAT(first.out, contains_text("against baseline"));
  const std::string csv = file_contents(folder / "out/table.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 6);
  const json table = json::parse(file_contents(folder / "out/table.json"));
  REQUIRE(table["runs"].size() == 5);
  const json etkf = run_of(table, "etkf-3-every-5"), oi = run_of(table, "oi-every-5");
  CHECK(etkf["config"]["interval"] == 5);
  CHECK(oi["config"]["covariance"][0] == "out/etkf-3-every-5/results.json");
  CHECK(oi["results"]["tuning"]["points"].size() == 3);
  // The difference is that of the scores; its error, in pairs, is not that of two independent runs.
  const json& against = etkf["results"]["against_baseline"];
  CHECK(against["baseline"] == "oi-every-5");
  CHECK(against["analysis"]["difference"].get<double>() ==
        Approx(etkf["results"]["analysis"]["nrmse_pooled"].get<double>() -
               oi["results"]["analysis"]["nrmse_pooled"].get<double>()));
  CHECK(against["analysis"]["se"].get<double>() > 0);
  CHECK(!oi["results"].contains("against_baseline"));
  // The control is a second one: seen from it, the same pair the other way round.
  const json& control = oi["results"]["against_control"];
  CHECK(control["control"] == "etkf-3-every-5");
  CHECK(control["analysis"]["difference"].get<double>() ==
        Approx(-against["analysis"]["difference"].get<double>()));
  CHECK(control["analysis"]["se"] == against["analysis"]["se"]);
  CHECK(!etkf["results"].contains("against_control"));

  // Finished runs are not repeated, and give the same table.
  const std::string stored = file_contents(folder / "out/etkf-3-every-5/results.json");
  const Outcome second = folder.papillon(command);
  CHECK(second.code == 0);
  CHECK(second.out == first.out);
  CHECK_THAT(second.err, contains_text("etkf-3-every-5: finished before"));
  CHECK(file_contents(folder / "out/etkf-3-every-5/results.json") == stored);
  // With other settings they are; flags win over the file, names stay.
  const Outcome third = folder.papillon(command + " --cycles 70 --run 'etkf-3*'");
  CHECK(third.code == 0);
  CHECK_THAT(third.err, !contains_text("finished before"));
  CHECK(json::parse(
            file_contents(folder / "out/etkf-3-every-5/results.json"))["results"]["cycles"] == 70);
  CHECK(json::parse(file_contents(folder / "out/table.json"))["runs"].size() == 2);
  CHECK(file_contents(folder / "out/etkf-3-every-5.earlier/results.json") == stored);
  // What a run has read counts as well: the covariance of the first is another one now.
  const Outcome fourth = folder.papillon(command);
  CHECK_THAT(fourth.err, contains_text("etkf-8-every-10: finished before"));
  const Outcome one = folder.papillon(command + " --run etkf-8-every-10");
  CHECK(one.code == 0);  // the table still has all that is finished
  CHECK(json::parse(file_contents(folder / "out/table.json"))["runs"].size() == 5);
  CHECK_THAT(fourth.err, !contains_text("etkf-3-every-5: finished before"));

  // A checkpoint that cannot be read is none.
  fs::remove(folder / "out/etkf-8-every-10/results.json");
  put_file(folder / "out/etkf-8-every-10/stored.safetensors", "broken");
  const Outcome anew = folder.papillon(command + " --run etkf-8-every-10");
  CHECK(anew.code == 0);
  CHECK_THAT(anew.err, contains_text("etkf-8-every-10: begun anew"));
  CHECK(fs::exists(folder / "out/etkf-8-every-10/results.json"));

  const Outcome none = folder.papillon(command + " --run nothing");
  CHECK(none.code == 2);
  CHECK_THAT(none.err, contains_text("oi-every-10"));
}

TEST_CASE("a run that diverges leaves the others, and says so") {
  const ProgramFolder folder;
  put_file(folder / "e.toml",
           "[assimilate]\ntrajectories = 2\nburn-in = 0\ncycles = 40\n"
           "[[assimilate.run]]\nname = \"bad\"\ndivergence-limit = 1e-6\n"
           "[[assimilate.run]]\nname = \"good\"\n");
  const Outcome outcome = folder.papillon("assimilate --config e.toml --out out --json r.json");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 4);
  CHECK_THAT(outcome.out, contains_text("cycle 0, trajectory 0"));
  const json runs = json::parse(file_contents(folder / "r.json"))["results"];
  CHECK(run_of(runs, "good")["results"]["analysis"].is_object());
  CHECK(run_of(runs, "bad")["results"]["failures"].size() == 2);
}

TEST_CASE("files of experiments that make no sense") {
  const ProgramFolder folder;
  const std::string run = "[[assimilate.run]]\nname = \"a\"\n";
  must_fail(folder, run + run, 3, "'a'");
  must_fail(folder, "[[assimilate.run]]\nmembers = 4\n", 3, "name");
  must_fail(folder, "[[assimilate.run]]\nname = \"a/b\"\n", 3, "a/b");
  must_fail(folder, run + "colour = 3\n", 3, "colour");
  must_fail(folder, run + "members = \"many\"\n", 3, "members");
  must_fail(folder, run + "members = [3, 4]\n", 3, "'a'");
  must_fail(folder, run + "members = [3, 4]\ninterval = [1, 2, 3]\n", 3, "interval");
  must_fail(folder, run + "baseline = \"b\"\n", 2, "'b'");
  must_fail(folder, run + "baseline = \"{colour}\"\n", 2, "colour");
  must_fail(folder,
            run + "baseline = \"b\"\ncycles = 5\n[[assimilate.run]]\nname = \"b\"\ncycles = 6\n", 2,
            "--cycles");
  must_fail(folder, run + "radius = 3\n", 2, "radius: is not used");
  must_fail(folder,
            "[assimilate]\nforecast-noise = 0.1\n" + run +
                "baseline = \"b\"\n[[assimilate.run]]\nname = \"b\"\nnoise-every = 6\n",
            2, "--noise-every");
  must_fail(folder, run + "noise-every = 6\n", 2, "noise-every: is not used");
  for (const char* setting : {"out = \"b\"", "json = \"b\"", "run = \"b\"", "resume = true",
                              "threads = 1", "figure = \"b\""})
    must_fail(folder, run + setting + "\n", 3, "of the whole experiment");
  must_fail(folder, run + "method = \"oi\"\n", 2, "run 'a'");
  must_fail(folder, "[[train.run]]\nname = \"a\"\n", 3, "run");
}

TEST_CASE("the spread of ensembles from the exact posterior grows with the start step") {
  const ProgramFolder folder;
  REQUIRE(folder.papillon("generate --out data --members 2 --test-members 1 --steps 3000 --quiet")
              .code == 0);
  REQUIRE(folder
              .papillon("train --data data/train.nc --out run --hidden 16 --blocks 1 --embedding "
                        "16 --batch-size 256 --samples 25600 --quiet")
              .code == 0);
  const std::string command =
      "assimilate --model run/model.safetensors --climate data/train.nc --members 20 "
      "--spread-states 20 --spread 3,10,30,60 ";
  const Outcome exact = folder.papillon(
      command + "--ensemble posterior --library data/train.nc --out exact --json r.json");
  CAPTURE(exact.err);
  REQUIRE(exact.code == 0);
  const json curve = json::parse(file_contents(folder / "r.json"))["results"];
  for (std::size_t i = 1; i < 4; ++i)
    CHECK(curve["spread"][i].get<double>() > curve["spread"][i - 1].get<double>());
  for (const json& entry : curve["calibration"]) {
    CHECK(entry["start_step"].get<double>() >= 3);
    CHECK(entry["start_step"].get<double>() <= 60);
  }
  const std::string csv = file_contents(folder / "exact/spread.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);

  if (folder.shell("command -v gnuplot").code != 0) return;
  REQUIRE(folder.papillon(command + "--ensemble diffusion --quiet --figure f").code == 0);
  for (const char* name : {"f-spread.png", "f-spread.svg", "f-ensembles.png", "f-ensembles.svg"}) {
    CAPTURE(name);
    CHECK(fs::file_size(folder / name) > 1000);
  }
}
