// papillon surrogate: comparisons that resume, saved surrogates, roll-outs, scalings, bad input.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/program.hpp"
#include "catch.hpp"
#include "papillon/tensor/npy.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

void make_sets(const ProgramFolder& folder) {
  REQUIRE(folder
              .papillon("generate --out data --members 2 --test-members 2 --steps 4000 --burn-in "
                        "500 --quiet")
              .code == 0);
}

void train_a_model(const ProgramFolder& folder) {
  REQUIRE(folder
              .papillon("train --data data/train.nc --validation data/validation.nc --out run "
                        "--hidden 16 --blocks 2 --embedding 16 --batch-size 256 --strata 32 "
                        "--samples 25600 --quiet")
              .code == 0);
}

const std::string sets =
    "surrogate --data data/train.nc --validation data/validation.nc --test "
    "data/test.nc --quiet --no-figure ";
const std::string small = sets + "--samples 2000 --windows 300 --leads 30 ";
const std::string networks = "--batch-size 100 --learning-rate 1e-3 --hidden 16 ";

// Results without what differs from run to run.
json results(const ProgramFolder& folder, const std::string& directory) {
  json all = json::parse(file_contents(folder / (directory + "/results.json")))["results"];
  for (auto& [name, entry] : all.items()) {
    entry.erase("fit_seconds");
    entry.erase("score_seconds");
  }
  return all;
}

}  // namespace

TEST_CASE("a comparison: results, tables, and the same for any number of threads") {
  const ProgramFolder folder;
  make_sets(folder);
  train_a_model(folder);
  const std::string models =
      small + networks +
      "--model run/model.safetensors --timesteps 0,400 --seeds 2 --lyapunov-trajectories 4 "
      "--lyapunov-steps 20 --epochs 4 --models "
      "trained,untrained-t400,rff64,poly3+state,dense2,residual2,trained-t400-mlp ";
  const Outcome first = folder.papillon(models + "--out a --threads 1");
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, contains_text("poly3+state@auto"));
  const json all = results(folder, "a");
  CHECK(all.size() == 4 * 2 + 3);
  for (const auto& [name, entry] : all.items()) {
    CAPTURE(name);
    for (const char* key : {"lead", "mse", "mae", "nrmse", "nrmse_spread", "diverged"})
      CHECK(entry[key].size() == 30);
    CHECK(entry["seeds"] == 2);
    CHECK(entry["parameters"] > 0);
    CHECK(entry["valid_time"] > 0);
    CHECK(entry["hellinger"] > 0);
    CHECK(entry["windows"] == 300);
    CHECK(entry["nrmse"][0] > 0);
  }
  CHECK(all["trained@1e-4"]["feature_count"] == 32);
  CHECK(all["poly3+state@auto"]["parameters"] == 3 * (19 + 3) + 3);
  CHECK(all["poly3+state@1e-4"]["nrmse"][0] < 0.1);
  const json document = json::parse(file_contents(folder / "a/results.json"));
  CHECK(document["command"] == "surrogate");
  CHECK(document["verdicts"][0]["model"] == "trained@1e-4");
  for (const char* file : {"table.csv", "table.md", "leads.csv", "config.toml"})
    CHECK(fs::file_size(folder / (std::string("a/") + file)) > 100);
  REQUIRE(folder.papillon(models + "--out b --threads 3").code == 0);
  CHECK(results(folder, "b") == all);
  // The figure, from what is there already.
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) return;
  std::string with_figure = models;
  with_figure.erase(with_figure.find("--no-figure "), 12);
  REQUIRE(folder.papillon(with_figure + "--out b").code == 0);
  CHECK_THAT(file_contents(folder / "b/nrmse.svg"), contains_text("poly3+state@auto"));
  CHECK(fs::file_size(folder / "b/nrmse.png") > 1000);
}

TEST_CASE("an interrupted comparison goes on where it stopped") {
  const ProgramFolder folder;
  make_sets(folder);
  const std::string models =
      small + networks + "--models poly3,rff32,dense3 --epochs 300 --seeds 2 --out ";
  REQUIRE(folder.papillon(models + "whole").code == 0);
  const Outcome stopped = folder.shell("\"$P\" " + models +
                                       "run &\np=$!\nwhile [ ! -s run/models/dense3-seed0.json ]; "
                                       "do sleep 0.01; done\nkill -INT $p\nwait $p");
  REQUIRE(stopped.code == 130);
  CHECK(fs::exists(folder / "run/models/rff32-seed1.json"));
  CHECK(!fs::exists(folder / "run/models/dense3-seed1.json"));
  CHECK(!fs::exists(folder / "run/results.json"));
  const auto before = fs::last_write_time(folder / "run/models/dense3-seed0.json");
  REQUIRE(folder.papillon(models + "run").code == 0);
  CHECK(fs::last_write_time(folder / "run/models/dense3-seed0.json") == before);
  CHECK(results(folder, "run") == results(folder, "whole"));
  // Other settings are another run.
  REQUIRE(folder.papillon(models + "run --corruption 0.1").code == 0);
  CHECK(results(folder, "run")["poly3@auto"] != results(folder, "whole")["poly3@auto"]);
}

TEST_CASE("a surrogate is saved, loaded and rolled out") {
  const ProgramFolder folder;
  make_sets(folder);
  train_a_model(folder);
  const Outcome fitted =
      folder.papillon(small +
                      "--model run/model.safetensors --models trained --lambda 1e-8 "
                      "--fit-only --save s.safetensors --json fit.json");
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  CHECK(json::parse(file_contents(folder / "fit.json"))["results"]["trained"]["lambda"] == 1e-8);
  const std::string score =
      "surrogate --surrogate s.safetensors --data data/train.nc --test "
      "data/test.nc --windows 300 --leads 30 --quiet ";
  REQUIRE(folder.papillon(score + "--rollout f.nc --json a.json").code == 0);
  REQUIRE(folder.papillon(score + "--rollout f.npy --json b.json --threads 1").code == 0);
  REQUIRE(folder
              .papillon(small + "--model run/model.safetensors --models trained --lambda 1e-8 "
                                "--out c")
              .code == 0);
  const auto nrmse = [&](const char* file) {
    return json::parse(file_contents(folder / file))["results"]["trained"]["nrmse"];
  };
  CHECK(nrmse("a.json") == nrmse("b.json"));
  CHECK(nrmse("a.json") == nrmse("c/results.json"));
  // 300 forecasts of 31 times, the initial state included, float32.
  CHECK(fs::file_size(folder / "f.npy") == 128 + 300 * 31 * 3 * 4);
  CHECK(folder
            .papillon("surrogate --surrogate s.safetensors --data f.nc --test f.nc --leads 3 "
                      "--quiet")
            .code == 0);
  // Forecasts are ten times further apart than the training data: no whole number of them is 0.05.
  CHECK(
      folder.papillon(small + "--models poly2 --lambda 1 --lead 5 --fit-only --save h.safetensors")
          .code == 0);
  CHECK(folder
            .papillon("surrogate --surrogate h.safetensors --data f.nc --test f.nc --leads 3 "
                      "--quiet")
            .code == 3);
}

TEST_CASE("scalings") {
  const ProgramFolder folder;
  make_sets(folder);
  for (const auto& [axis, values] : {std::pair{std::string("samples"), std::string("8,64,1000")},
                                     std::pair{std::string("corruption"), std::string("0,0.5")},
                                     std::pair{std::string("lead"), std::string("1,5,20")}}) {
    CAPTURE(axis);
    const Outcome run = folder.papillon(small + networks +
                                        "--models poly3,dense1 --epochs 1 --seeds 2 --lambda "
                                        "1e-6 --scaling " +
                                        axis + " --scaling-values " + values + " --out s");
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    const json all = results(folder, "s");
    const json& poly = all["poly3"];
    CHECK(poly["nrmse"].size() == poly["values"].size());
    const double first = poly["nrmse"].front()[0], last = poly["nrmse"].back()[0];
    // More samples are better; noise and longer steps are worse.
    CHECK((axis == "samples" ? first > last : first < last));
    CHECK(fs::file_size(folder / ("s/" + axis + ".csv")) > 100);
  }
}

TEST_CASE("bad input: exit codes, and one line that says why") {
  const ProgramFolder folder;
  make_sets(folder);
  train_a_model(folder);
  put_file(folder / "junk.safetensors", "junk");
  papillon::write_npy(folder / "flat.npy", papillon::Tensor<float>::ones({2, 2000, 2}));
  struct Case {
    std::string arguments;
    int code;
    std::string why;
  };
  const std::string out = "--models poly2 --out o ";
  for (const Case& c : std::vector<Case>{
           {"surrogate --models poly2", 2, "--data"},
           {sets + "--out o", 2, "--models"},
           {sets + "--models poly2", 2, "--out"},
           {sets + "--models cubic --out o", 2, "'cubic' is no model"},
           {sets + "--models trained --out o", 2, "--model FILE"},
           {sets + out + "--lambda few", 2, "few"},
           {sets + out + "--lambda -1", 2, "-1"},
           {"surrogate --data data/train.nc --test data/test.nc --no-figure " + out, 2,
            "--validation"},
           {sets + out + "--fit-only", 2, "one --lambda"},
           {sets + "--models poly2,poly3 --save s.safetensors", 2, "one model"},
           {sets + out + "--scaling-values 3", 2, "--scaling"},
           {sets + out + "--scaling lead --scaling-values 2.5", 2, "2.5"},
           {sets + out + "--samples 1M", 3, "7980 pairs"},
           {sets + out + "--lead 5000", 3, "at least 5001 times"},
           {sets + out + "--samples 100 --leads 500", 3, "at least 5001 times"},
           {sets + "--models state+state --lambda 0 --samples 100 --out o", 3, "3 of 6 directions"},
           {sets + out + "--model junk.safetensors", 3, "junk"},
           {"surrogate --surrogate junk.safetensors --data data/train.nc --test data/test.nc", 3,
            "junk"},
           {"surrogate --data flat.npy --test flat.npy --lambda 1 --no-figure --model "
            "run/model.safetensors " +
                out,
            3, "2 components; 3 are needed"},
           {"surrogate --data flat.npy --test data/test.nc --lambda 1 --no-figure " + out, 3,
            "3 components; 2 are needed"},
           {"surrogate --data data/train.nc --test missing.nc --lambda 1 --no-figure " + out, 3,
            "missing.nc"},
           {"surrogate --data missing.nc --test data/test.nc --lambda 1 --no-figure " + out, 3,
            "missing.nc"}}) {
    CAPTURE(c.arguments);
    const Outcome outcome = folder.papillon(c.arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == c.code);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') >= 1);
    CHECK_THAT(outcome.err, contains_text(c.why));
    CHECK(!fs::exists(folder / "o/results.json"));
  }
}

TEST_CASE("evaluate: the Fréchet network is fitted once and kept") {
  const ProgramFolder folder;
  make_sets(folder);
  const std::string evaluate =
      "evaluate --samples data/train.nc --reference data/test.nc "
      "--quiet ";
  const auto scores = [&](const std::string& more) {
    const Outcome outcome = folder.papillon(evaluate + more + " --json e.json");
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    return json::parse(file_contents(folder / "e.json"))["results"];
  };
  // As many independent states are needed as there are samples.
  REQUIRE(folder
              .papillon("generate --out more --members 1 --test-members 2 --steps 8000 --burn-in "
                        "500 --quiet --seed 9")
              .code == 0);
  const std::string more = "--independent more/test.nc";
  const json first = scores(more);
  REQUIRE(fs::exists(folder / "data/test.frechet.safetensors"));
  CHECK(first["frechet_features"] == "hidden layer of data/test.frechet.safetensors");
  // The fit is the same on any number of threads, and is not done again.
  const std::string named = more + " --frechet-network f.safetensors";
  CHECK(scores(named + " --threads 1")["frechet"] == first["frechet"]);
  CHECK(file_contents(folder / "f.safetensors") ==
        file_contents(folder / "data/test.frechet.safetensors"));
  const auto written = fs::last_write_time(folder / "f.safetensors");
  CHECK(scores(named)["frechet"] == first["frechet"]);
  CHECK(fs::last_write_time(folder / "f.safetensors") == written);
  const json random = scores(more + " --frechet-network none --features 16");
  CHECK(random["frechet"] != first["frechet"]);
  CHECK(random["frechet_features"] == "random Fourier features");
  put_file(folder / "junk.safetensors", "junk");
  CHECK(folder.papillon(evaluate + more + " --frechet-network junk.safetensors").code == 3);
}
