// train, sample and evaluate: interrupted and resumed, on any number of threads, to the same bits.
#include <algorithm>
#include <cmath>
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
    CHECK_THAT(other.err, contains_text("--seed 0 there, 5 here; give --seed 0, or start anew"));
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

TEST_CASE("a resumed run names the setting that differs, and takes those that change nothing") {
  const ProgramFolder place;
  make_sets(place);
  const std::string small =
      "--hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 1280 --quiet ";
  REQUIRE(place.papillon("train --data data/train.nc --out run " + small).code == 0);
  const auto resume = [&](const std::string& with) {
    return place.papillon("train --out run --resume --quiet " + with);
  };
  for (const auto& [with, says] :
       {std::pair{"--learning-rate 0.001", "--learning-rate 0.0003 there, 0.001 here (and"},
        std::pair{"--learning-rate 0.001", "give --learning-rate 0.0003, or start anew"},
        std::pair{"--head noise", "--head velocity there, noise here"},
        std::pair{"--hidden 24", "--hidden 16 there, 24 here"},
        std::pair{"--diffusion-steps 999", "--diffusion-steps 1000 there, 999 here"},
        std::pair{"--ema-decay 0.9990000001", "--ema-decay 0.999 there, 0.9990000001 here"},
        std::pair{"--data data/test.nc", "--data data/test.nc holds other states"}}) {
    CAPTURE(with);
    const Outcome other = resume(with);
    CAPTURE(other.err);
    CHECK(other.code == 3);
    CHECK(std::count(other.err.begin(), other.err.end(), '\n') == 1);
    CHECK(other.err.size() < 400);
    CHECK_THAT(other.err, contains_text(says));
    CHECK_THAT(other.err, contains_text("run/checkpoint.safetensors"));
  }
  const std::string model = file_contents(place / "run/model.safetensors");
  CHECK(resume("").code == 0);
  CHECK(file_contents(place / "run/model.safetensors") == model);
  CHECK(resume("--log-every 7 --checkpoint-every 1 --threads 1 --validate-every 9 "
               "--validation data/validation.nc")
            .code == 0);
}

TEST_CASE("a resumed run with more samples goes on by a new plan, and the log says so") {
  const ProgramFolder place;
  make_sets(place);
  const std::string small =
      "--hidden 16 --blocks 1 --embedding 8 --batch-size 64 --learning-rate 0.01 "
      "--final-learning-rate 0.001 --log-every 1 ";
  REQUIRE(
      place.papillon("train --data data/train.nc --out run --quiet --samples 1280 " + small).code ==
      0);
  const Outcome longer = place.papillon("train --out run --resume --samples 2560 --json j.json");
  CAPTURE(longer.err);
  REQUIRE(longer.code == 0);
  CHECK_THAT(longer.err, contains_text("2,560 samples, 1,280 before"));
  CHECK(json::parse(file_contents(place / "j.json"))["results"]["samples"] == 2560);
  std::istringstream log(file_contents(place / "run/train.jsonl"));
  std::vector<double> rates;  // of the steps, from 1
  int plans = 0;
  for (std::string line; std::getline(log, line);) {
    const json entry = json::parse(line);
    if (entry.contains("planned_samples")) {
      ++plans;
      CHECK(entry["step"] == 20);
      CHECK(entry["planned_samples"] == 2560);
      CHECK(entry["planned_before"] == 1280);
    } else {
      rates.push_back(entry["learning_rate"]);
    }
  }
  CHECK(plans == 1);
  REQUIRE(rates.size() == 40);
  // Half a cosine over 20 steps, and from step 20 on the one over 40 steps.
  for (std::size_t k = 0; k < rates.size(); ++k) {
    const double total = k < 20 ? 20 : 40, cosine = std::cos(M_PI * static_cast<double>(k) / total);
    CHECK(std::abs(rates[k] - (0.001 + 0.009 * (1 + cosine) / 2)) < 1e-12);
  }
  // The run is now one of 2,560 samples: it resumes as such, and fewer are refused.
  const std::string model = file_contents(place / "run/model.safetensors");
  const Outcome again = place.papillon("train --out run --resume");
  CAPTURE(again.err);
  CHECK(again.code == 0);
  CHECK(again.err.find("planned") == std::string::npos);
  CHECK(file_contents(place / "run/model.safetensors") == model);
  const Outcome fewer = place.papillon("train --out run --resume --samples 1280");
  CHECK(fewer.code == 3);
  CHECK_THAT(fewer.err, contains_text("2560 samples are done"));
  CHECK_THAT(fewer.err, contains_text("1280"));
}

TEST_CASE("a run that fails leaves what was there, and nothing new") {
  const ProgramFolder place;
  make_sets(place);
  const std::string fails = "train --data data/train.nc --out new/run --quiet --samples 640 ";
  for (const std::string with :
       {"--batch-size 64 --strata 65", "--learning-rate 1e-4 --final-learning-rate 1e-3",
        "--embedding 9", "--validation none.nc", "--diffusion-steps 20 --strata 21"}) {
    CAPTURE(with);
    CHECK(place.papillon(fails + with).code != 0);
    CHECK(!fs::exists(place / "new"));
  }
  const Outcome steps = place.papillon("generate --out new --steps 2 --store-every 3 --members 1");
  CHECK(steps.code == 2);
  CHECK_THAT(steps.err, contains_text("--steps 2 is no multiple of --store-every 3"));
  CHECK(!fs::exists(place / "new"));
  // A name that no file system takes is found when its parents are there.
  const std::string too_long(300, 'x');
  CHECK(place.papillon("generate --out new/folder/" + too_long + " --members 1").code == 3);
  CHECK(!fs::exists(place / "new"));
  // Nor is anything of a run that fails in its first set.
  CHECK(place.papillon("generate --out a/b/c --dt 1 --members 1 --quiet").code == 4);
  CHECK(!fs::exists(place / "a"));
}

TEST_CASE("an output that cannot be written is refused before the work") {
  const ProgramFolder place;
  make_sets(place);
  put_file(place / "file", "");
  fs::create_directory(place / "folder");
  // Inputs that are missing would be named, had they been looked at.
  for (const std::string command :
       {"train --data none.nc --out file/run", "train --data none.nc --out file",
        "sample --model none --out nowhere/s.nc", "sample --model none --out file/s.npy",
        "evaluate --samples none.nc --reference none.nc --json nowhere/s.json",
        "evaluate --samples none.nc --reference none.nc --json folder",
        "evaluate --samples none.nc --reference none.nc --figure nowhere/f",
        "evaluate --samples none.nc --reference none.nc --frechet-network nowhere/n",
        "surrogate --data none.nc --models rff8 --lambda 1 --fit-only --save nowhere/s",
        "surrogate --data none.nc --test none.nc --models rff8 --lambda 1 --rollout file/r.nc",
        "surrogate --data none.nc --test none.nc --models rff8 --lambda 1 --no-figure --out file/o",
        "assimilate --truth none.nc --out file/run", "generate --out file/data",
        "gradcheck --json nowhere/g.json", "bench --json nowhere/b.json"}) {
    CAPTURE(command);
    const Outcome outcome = place.papillon(command);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK_THAT(outcome.err, contains_text("cannot be written"));
    CHECK(outcome.err.find("none") == std::string::npos);
    CHECK(outcome.out.empty());
  }
  CHECK(place.papillon("sample --model none --out s.csv").code == 2);
}

TEST_CASE("a model of states that are read as they are needed has the bits of one in memory") {
  const ProgramFolder place;
  // Lorenz-96 of 40 components: nothing depends on three.
  REQUIRE(
      place
          .papillon("generate --system lorenz96 --out data --format npy --members 2 "
                    "--test-members 0 --validation-members 0 --steps 2000 --burn-in 500 --quiet")
          .code == 0);
  const std::string rest =
      " --data data/train.npy --hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 1280 "
      "--quiet";
  REQUIRE(place.papillon("train --out memory" + rest).code == 0);
  REQUIRE(place.papillon("train --out file --stream" + rest).code == 0);
  CHECK(place.shell("cmp memory/model.safetensors file/model.safetensors").code == 0);
  CHECK(place.papillon("train --out other --stream --data data/train.nc").code != 0);
}
