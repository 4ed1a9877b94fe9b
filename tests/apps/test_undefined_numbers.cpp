// A standard error of one, a mean of nothing: shown as what is not there, in tables and in files.
#include <nlohmann/json.hpp>

#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

// Files for other programs: an empty cell, or null, where there is no number.
void check_files(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".csv" && kind != ".json" && kind != ".jsonl") continue;
    CAPTURE(entry.path().string());
    const std::string text = file_contents(entry.path());
    for (const char* word : {"nan", "NaN", "inf,", "Infinity"})
      CHECK(text.find(word) == std::string::npos);
    if (kind == ".csv") CHECK(text.find("null") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("what is not defined is left out: one trajectory, one cycle") {
  const ProgramFolder folder;
  const std::string one =
      "\"$P\" assimilate --quiet --trajectories 1 --cycles 1 --burn-in 2 --batches 1 ";
  const Outcome shown = folder.shell(one + "--out one --json one.json");
  CAPTURE(shown.err, shown.out);
  REQUIRE(shown.code == 0);
  CHECK(shown.out.find("nan") == std::string::npos);
  CHECK(shown.out.find("±") == std::string::npos);
  const json analysis = json::parse(file_contents(folder / "one.json"))["results"]["analysis"];
  CHECK(analysis["nrmse_pooled"].is_number());
  CHECK(analysis["nrmse_pooled_se"].is_null());
  put_file(folder / "two.toml",
           "[assimilate]\ntrajectories = 1\ncycles = 1\nburn-in = 2\nbatches = 1\n"
           "baseline = 'a'\n[[assimilate.run]]\nname = 'a'\n[[assimilate.run]]\nname = 'b'\n"
           "rotate = true\n");
  const Outcome two = folder.shell("\"$P\" assimilate --config two.toml --out two --quiet");
  CAPTURE(two.err, two.out);
  REQUIRE(two.code == 0);
  CHECK(two.out.find("nan") == std::string::npos);
  const Outcome tuned = folder.shell(one +
                                     "--tune members --range 3:5 --points 3 --tune-trajectories 1 "
                                     "--tune-cycles 1 --tune-burn-in 0 --out tuned");
  CAPTURE(tuned.err);
  REQUIRE(tuned.code == 0);
  check_files(folder.path());
}

TEST_CASE("what is not defined is left out: one seed, one forecast") {
  const ProgramFolder folder;
  REQUIRE(folder
              .papillon("generate --out data --members 2 --test-members 1 --steps 400 --burn-in "
                        "400 --quiet")
              .code == 0);
  const Outcome shown = folder.papillon(
      "surrogate --data data/train.nc --test data/test.nc --models rff8,dense1 --lambda 1e-6 "
      "--samples 64 --windows 1 --leads 2 --lead 2 --epochs 1 --hidden 8 --no-figure --quiet "
      "--out s");
  CAPTURE(shown.err, shown.out);
  REQUIRE(shown.code == 0);
  CHECK(shown.out.find("nan") == std::string::npos);
  CHECK(shown.out.find("±") == std::string::npos);
  const json entry = json::parse(file_contents(folder / "s/results.json"))["results"]["rff8"];
  CHECK(entry["nrmse"][0].is_number());
  CHECK(entry["nrmse_spread"][0].is_null());
  CHECK(entry["valid_time_spread"].is_null());
  check_files(folder.path());
}

TEST_CASE("what is not defined is left out: a floor of zero") {
  const ProgramFolder folder;
  REQUIRE(folder
              .papillon("generate --out data --members 1 --test-members 1 --steps 40 --burn-in 400 "
                        "--quiet")
              .code == 0);
  // The independent states are the reference: every floor is zero.
  const Outcome shown = folder.papillon(
      "evaluate --samples data/train.nc --reference data/test.nc --independent data/test.nc "
      "--frechet-network none --features 8 --quiet --json e.json");
  CAPTURE(shown.err, shown.out);
  REQUIRE(shown.code == 0);
  CHECK(shown.out.find("nan") == std::string::npos);
  CHECK(shown.out.find("inf") == std::string::npos);
  CHECK_THAT(shown.out, contains_text("n/a"));
  check_files(folder.path());
}
