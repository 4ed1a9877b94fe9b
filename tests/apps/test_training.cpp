// train, sample and evaluate: interrupted and resumed, on any number of threads, to the same bits.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

void make_sets(const ProgramFolder& place) {
  REQUIRE(place
              .papillon("generate --out data --members 2 --test-members 1 --steps 2000 --burn-in "
                        "500 --quiet")
              .code == 0);
}

std::string train(const std::string& out, const std::string& more) {
  return "\"$P\" train --data data/train.nc --validation data/validation.nc --out " + out +
         " --hidden 32 --blocks 2 --embedding 16 --batch-size 256 --strata 32 --samples 512000 "
         "--log-every 20 --validate-every 400 --ema-decay 0.99 --quiet " +
         more;
}

}  // namespace

TEST_CASE("an interrupted run, resumed, ends with the same bits") {
  const ProgramFolder place;
  make_sets(place);
  REQUIRE(place.shell(train("whole", "--threads 2")).code == 0);
  for (const std::string signal : {"INT", "TERM"}) {
    CAPTURE(signal);
    const std::string out = "run" + signal;
    const Outcome outcome =
        place.shell(train(out, "--threads 1") + " &\np=$!\nwhile [ ! -s " + out +
                    "/train.jsonl ]; do sleep 0.01; done\nkill -" + signal + " $p\nwait $p");
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 130);
    CHECK(fs::exists(place / (out + "/checkpoint.safetensors")));
    CHECK(!fs::exists(place / (out + "/model.safetensors")));
    // Other settings are not continued.
    const Outcome other = place.papillon("train --out " + out + " --resume --quiet --seed 5");
    CHECK(other.code == 3);
    CHECK(std::count(other.err.begin(), other.err.end(), '\n') == 1);
    const Outcome resumed = place.papillon("train --out " + out + " --resume --quiet");
    CAPTURE(resumed.err);
    REQUIRE(resumed.code == 0);
    for (const std::string file : {"model.safetensors", "best.safetensors"})
      CHECK(file_contents(place / (out + "/" + file)) == file_contents(place / ("whole/" + file)));
    std::istringstream log(file_contents(place / (out + "/train.jsonl")));
    std::uint64_t step = 0;
    for (std::string line; std::getline(log, line);) {
      const json entry = json::parse(line);
      CHECK(entry["step"] >= step);
      step = entry["step"];
    }
    CHECK(step == 2000);
  }
}

TEST_CASE("samples: threads and batches make no difference; ensembles; evaluation") {
  const ProgramFolder place;
  make_sets(place);
  REQUIRE(place.shell(train("run", "--json t.json")).code == 0);
  CHECK(json::parse(file_contents(place / "t.json"))["results"]["steps"] == 2000);
  const std::string sample = "sample --model run/model.safetensors --quiet ";
  for (const std::string sampler :
       {"dpmpp2m --steps 12", "ddpm --steps 12", "ddim --eta 0.5 --steps 12", "heun --steps 6"}) {
    CAPTURE(sampler);
    const std::string draw = sample + "--count 1500 --sampler " + sampler;
    REQUIRE(place.papillon(draw + " --out a.npy --threads 1").code == 0);
    REQUIRE(place.papillon(draw + " --out b.npy --threads 3 --batch-size 512").code == 0);
    CHECK(file_contents(place / "a.npy") == file_contents(place / "b.npy"));
  }
  CHECK(place.papillon(sample + "--out x.npy --sampler heun --eta 0.5").code == 2);
  CHECK(place.papillon(sample + "--out x.npy --steps 5000").code == 2);
  CHECK(!fs::exists(place / "x.npy"));

  const std::string ensemble =
      sample + "--from data/test.nc --sampler ddpm --steps 20 --members 3 ";
  REQUIRE(place.papillon(ensemble + "--start-step 4 --out e.nc").code == 0);
  REQUIRE(place.papillon(ensemble + "--start-step 4 --out e.npy --batch-size 300").code == 0);
  CHECK(place.papillon(ensemble + "--start-step 30 --out x.nc").code == 2);
  const Outcome scores = place.papillon("evaluate --samples e.nc --reference e.npy --json s.json");
  CAPTURE(scores.err);
  REQUIRE(scores.code == 0);
  CHECK(scores.out.find("hellinger") != std::string::npos);
  const json results = json::parse(file_contents(place / "s.json"))["results"];
  CHECK(results["samples"] == 6000);
  CHECK(results["hellinger"]["value"] == 0);
  for (const char* key : {"hellinger", "d_gen", "d_test", "frechet", "extremes", "identities"})
    for (const char* part : {"value", "floor", "ratio"}) CHECK(results.at(key).contains(part));
}

TEST_CASE("figure: SVG and PNG, or a message that says what is missing") {
  const ProgramFolder place;
  make_sets(place);
  const std::string evaluate =
      "evaluate --samples data/test.nc --reference data/train.nc --figure attractor --quiet";
  if (place.shell("command -v gnuplot").code == 0) {
    REQUIRE(place.papillon(evaluate).code == 0);
    CHECK(file_contents(place / "attractor.png").rfind("\x89PNG", 0) == 0);
    CHECK(file_contents(place / "attractor.svg").find("<svg") != std::string::npos);
  }
  const Outcome without = place.shell("PATH=/nowhere \"$P\" " + evaluate + " --json s.json");
  CHECK(without.code == 3);
  CHECK(without.err.find("gnuplot") != std::string::npos);
}

TEST_CASE("gradcheck and bench: one entry each", "[.slow]") {
  const ProgramFolder place;
  REQUIRE(place.papillon("gradcheck --json g.json --quiet").code == 0);
  const json ops = json::parse(file_contents(place / "g.json"))["results"];
  CHECK(ops.size() >= 20);
  for (const auto& [op, entry] : ops.items()) CHECK(entry["verdict"] != "fail");
  REQUIRE(place.papillon("bench --seconds 0.1 --batch-size 512 --json b.json --quiet").code == 0);
  const json cases = json::parse(file_contents(place / "b.json"))["results"];
  for (const char* name : {"sgemm_one_core", "sgemm_all_cores", "train_512", "train_512_stratified",
                           "sample_512", "lorenz63_rk4"})
    for (const char* part : {"value", "unit", "limit", "fraction"})
      CHECK(cases.at(name).contains(part));
}
