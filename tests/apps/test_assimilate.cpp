// papillon assimilate, one experiment at a time: results, threads, resuming, observations from
// files, tuning, bad input.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/netcdf_file.hpp"
#include "apps/program.hpp"
#include "catch.hpp"
#include "papillon/tensor/npy.hpp"

using nlohmann::json;
using namespace papillon;
using namespace papillon::test;

namespace {

// Small by its environment, so that flags can still say otherwise.
const std::string small =
    "PAPILLON_TRAJECTORIES=3 PAPILLON_BURN_IN=30 PAPILLON_CYCLES=120 \"$P\" assimilate --quiet ";
const std::string plain = "\"$P\" assimilate --quiet ";

json results(const ProgramFolder& folder, const std::string& command) {
  const Outcome outcome = folder.shell(command + " --json result.json");
  CAPTURE(command, outcome.err);
  REQUIRE(outcome.code == 0);
  json all = json::parse(file_contents(folder / "result.json"))["results"];
  all.erase("seconds");  // all else is to be the same from run to run
  return all;
}

void must_fail(const ProgramFolder& folder, const std::string& command, int code,
               const std::vector<std::string>& mentions) {
  CAPTURE(command);
  const Outcome outcome = folder.shell(command);
  CAPTURE(outcome.err);
  CHECK(outcome.code == code);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  for (const std::string& word : mentions) {
    CAPTURE(word);
    CHECK(outcome.err.find(word) != std::string::npos);
  }
}

void make_sets(const ProgramFolder& folder) {
  REQUIRE(folder
              .papillon("generate --out data --members 2 --test-members 2 --validation-members 1 "
                        "--steps 4000 --burn-in 500 --quiet")
              .code == 0);
}

void train_a_model(const ProgramFolder& folder) {
  REQUIRE(folder
              .papillon("train --data data/train.nc --out run --hidden 16 --blocks 2 --embedding "
                        "16 --batch-size 256 --strata 32 --samples 25600 --quiet")
              .code == 0);
}

}  // namespace

TEST_CASE("the results have the keys that are promised, and the directory all of the run") {
  const ProgramFolder folder;
  const json all = results(folder, small + "--along-window-every 5 --out run");
  for (const char* state : {"analysis", "background"})
    for (const char* key : {"nrmse_pooled", "rmse_time_mean", "spread", "crps"}) {
      CAPTURE(state, key);
      CHECK(all[state][key].get<double>() > 0);
      CHECK(all[state][std::string(key) + "_se"].get<double>() > 0);
    }
  CHECK(all["cycles"] == 120);
  CHECK(all["trajectories"] == 3);
  CHECK(all["background_covariance"].size() == 3);
  // Every cycle of every trajectory has a rank in each component.
  double ranks = 0;
  for (const json& count : all["analysis"]["rank_histogram"][0]) ranks += count.get<double>();
  CHECK(ranks == 3 * 120);
  // The end of the window is the background.
  REQUIRE(all["along_window"].size() == 2);
  CHECK(all["along_window"][1]["step"] == 10);
  CHECK(all["along_window"][1]["nrmse_pooled"] == all["background"]["nrmse_pooled"]);
  CHECK(all["analysis"]["nrmse_pooled"] < all["background"]["nrmse_pooled"]);

  const json stored = json::parse(file_contents(folder / "run/results.json"));
  CHECK(stored["results"]["analysis"] == all["analysis"]);
  CHECK_THAT(file_contents(folder / "run/scores.csv"), contains_text("analysis_nrmse_pooled_se"));
  CHECK(read_netcdf(folder / "run/states.nc", "analysis").size() == 3 * 120 * 3);
  CHECK(!fs::exists(folder / "run/checkpoint.safetensors"));
  // config.toml is the run, too.
  const bool same = results(folder, plain + "--config run/config.toml --out again") == all;
  CHECK(same);
}

TEST_CASE("any number of threads gives the same results") {
  const ProgramFolder folder;
  make_sets(folder);
  train_a_model(folder);
  const std::string lorenz96 = "--system lorenz96 --dimension 12 --interval 1 ";
  const std::string c = "--covariance climatology --deviation-inflation 0.2 ";
  for (const std::string method :
       {"--method etkf --rotate --truth data/test.nc --trajectories 2",
        "--method enkf --members 8 --forecast-noise 0.1 --truth-noise 0.1",
        "--method enkf-n --members 6 --pointwise cube --observation-deviation 200 --go-on",
        "--method oi --observe 2,0 --covariance climatology --deviation-inflation 0.2",
        "--method climatology", "--method 3dvar --covariance climatology",
        "--method enoi --members 9 --covariance climatology --deviation-inflation 0.2",
        "--method enoi --ensemble diffusion --model run/model.safetensors --members 6",
        "--method enoi --ensemble posterior --model run/model.safetensors --library "
        "data/train.nc --sampler dpm2m --steps 20 --start-step 6 --members 6",
        "--method hybrid --ensemble diffusion --model run/model.safetensors --members 3 "
        "--generated 5 --around-each-member --start-step 3",
        "--method 4dvar --covariance climatology --deviation-inflation 0.2 --window 2 --burn-in 4 "
        "--cycles 6"}) {
    const json one = results(folder, small + method + " --threads 1");
    CHECK(results(folder, small + method + " --threads 3") == one);
  }
  const std::string letkf = small + lorenz96 + "--method letkf --members 6 ";
  CHECK(results(folder, letkf + "--threads 2") == results(folder, letkf + "--threads 1"));
}

TEST_CASE("an interrupted experiment, resumed, ends with the same results") {
  const ProgramFolder folder;
  const std::string run =
      "\"$P\" assimilate --quiet --trajectories 4 --burn-in 20 --cycles 60000 --store 50 "
      "--checkpoint-every 0 ";
  REQUIRE(folder.shell(run + "--out whole").code == 0);
  for (const std::string signal : {"INT", "TERM"}) {
    CAPTURE(signal);
    const std::string out = "run" + signal;
    const Outcome stopped = folder.shell(
        run + "--threads 1 --out " + out + " &\np=$!\nwhile [ ! -s " + out +
        "/checkpoint.safetensors ]; do sleep 0.01; done\nkill -" + signal + " $p\nwait $p");
    CAPTURE(stopped.err);
    REQUIRE(stopped.code == 130);
    CHECK(!fs::exists(folder / (out + "/results.json")));
    must_fail(folder, plain + "--out " + out + " --resume --seed 5", 3,
              {"settings", "--seed 0 there, 5 here", "start anew without --resume"});
    must_fail(folder, run + "--out " + out + " --seed 5", 3,
              {"holds another run (--seed 0 there, 5 here)"});
    REQUIRE(folder.papillon("assimilate --quiet --out " + out + " --resume").code == 0);
    json a = json::parse(file_contents(folder / (out + "/results.json")))["results"];
    json b = json::parse(file_contents(folder / "whole/results.json"))["results"];
    a.erase("seconds");
    b.erase("seconds");
    CHECK(a == b);
    for (const char* name : {"truth", "background", "analysis", "observation"})
      CHECK(read_netcdf(folder / (out + "/states.nc"), name) ==
            read_netcdf(folder / "whole/states.nc", name));
    // There is nothing left to resume.
    must_fail(folder, plain + "--out " + out + " --resume", 3, {"nothing to resume"});
  }
}

TEST_CASE("a checkpoint that is damaged is named") {
  const ProgramFolder folder;
  REQUIRE(folder
              .shell("\"$P\" assimilate --quiet --cycles 60000 --checkpoint-every 0 --out run "
                     "&\np=$!\nwhile [ ! -s run/checkpoint.safetensors ]; do sleep 0.01; "
                     "done\nkill -INT $p\nwait $p")
              .code == 130);
  for (const char* name : {"checkpoint.safetensors", "stored.safetensors"}) {
    const fs::path file = folder / (std::string("run/") + name);
    const std::string whole = file_contents(file);
    put_file(file, whole.substr(0, whole.size() / 2));
    must_fail(folder, plain + "--out run --resume", 3, {name});
    put_file(file, whole);
  }
}

TEST_CASE("observations from a file are the same as those drawn; a fill value is a missing one") {
  const ProgramFolder folder;
  const json drawn =
      results(folder, small + "--observe 0,1 --store-from 0 --store 150 --out drawn");
  json read = results(folder, small + "--observe 0,1 --observations drawn/states.nc");
  CHECK(read["analysis"] == drawn["analysis"]);

  // Three observations, of which z is always missing, are two.
  const std::vector<double> y = read_netcdf(folder / "drawn/states.nc", "observation");
  REQUIRE(y.size() == 3 * 150 * 2);
  constexpr double fill = -999;
  std::vector<double> three;
  for (std::size_t i = 0; i < y.size(); i += 2) three.insert(three.end(), {y[i], y[i + 1], fill});
  REQUIRE(write_netcdf(folder / "three.nc", "observation", {3, 150, 3}, three, fill));
  read = results(folder, small + "--observations three.nc");
  CHECK(read["analysis"] == drawn["analysis"]);

  // As CF has it: missing_value, packed numbers, the cycles that a file says it has.
  const auto with_attribute = [&](const char* name, const char* attribute, double value) {
    int id = 0, variable = 0;
    bool good = write_netcdf(folder / name, "observation", {3, 150, 3}, three, 1e30) &&
                nc_open((folder / name).c_str(), NC_WRITE, &id) == NC_NOERR &&
                nc_inq_varid(id, "observation", &variable) == NC_NOERR &&
                nc_redef(id) == NC_NOERR &&
                nc_put_att_double(id, variable, attribute, NC_DOUBLE, 1, &value) == NC_NOERR;
    good &= nc_close(id) == NC_NOERR;
    REQUIRE(good);
  };
  with_attribute("missing.nc", "missing_value", fill);
  read = results(folder, small + "--observations missing.nc");
  CHECK(read["analysis"] == drawn["analysis"]);
  with_attribute("packed.nc", "scale_factor", 0.1);
  must_fail(folder, small + "--observations packed.nc", 3, {"packed.nc", "scale_factor"});
  results(folder, small + "--out late");  // states.nc without the burn-in
  must_fail(folder, small + "--burn-in 0 --observations late/states.nc", 3,
            {"late/states.nc", "'cycle' begins with 30", "--store-from 0"});

  // A number that is none, and no fill value, is an error with its place.
  three[(2 * 150 + 17) * 3 + 1] = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(write_netcdf(folder / "nan.nc", "observation", {3, 150, 3}, three, fill));
  must_fail(folder, small + "--observations nan.nc", 3, {"nan.nc", "cycle 17", "trajectory 2"});
  write_npy(folder / "nan.npy", Tensor<double>(Shape{3, 150, 3}, three));
  must_fail(folder, small + "--observations nan.npy", 3, {"nan.npy", "cycle 17", "trajectory 2"});
  must_fail(folder, small + "--observe 0 --observations three.nc", 3, {"three.nc", "[3, 150, 3]"});
  must_fail(folder, small + "--cycles 500 --observations three.nc", 3, {"[3, 150, 3]"});
  must_fail(folder, small + "--observations no.nc", 3, {"no.nc"});
}

TEST_CASE("tuning writes its curve, and the test runs with the best value") {
  const ProgramFolder folder;
  const std::string tuned = small +
                            "--method oi --covariance climatology --tune deviation-inflation "
                            "--range 0.05:0.6 --tune-cycles 60 --tune-burn-in 20 "
                            "--tune-trajectories 2 ";
  const json all = results(folder, tuned + "--points 5 --out grid");
  const json& points = all["tuning"]["points"];
  REQUIRE(points.size() == 5);
  const auto best =
      std::min_element(points.begin(), points.end(),
                       [](const json& a, const json& b) { return a["score"] < b["score"]; });
  CHECK((*best)["parameter"] == all["tuning"]["best"]);
  const std::string csv = file_contents(folder / "grid/tuning.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 6);
  CHECK_THAT(csv, contains_text("deviation-inflation,score"));
  const json at_best = results(folder, small +
                                           "--method oi --covariance climatology "
                                           "--deviation-inflation " +
                                           all["tuning"]["best"].dump());
  CHECK(at_best["analysis"] == all["analysis"]);
  // The same search again takes its points from tuning.json; another one does not.
  const std::string before = file_contents(folder / "grid/tuning.json");
  CHECK(results(folder, tuned + "--points 5 --out grid") == all);
  CHECK(file_contents(folder / "grid/tuning.json") == before);
  results(folder, tuned + "--points 3 --out grid");
  CHECK(file_contents(folder / "grid/tuning.json") == before);
  results(folder, tuned + "--points 3 --seed 4 --out other");
  CHECK(json::parse(file_contents(folder / "other/tuning.json"))["points"].size() == 3);

  // The minimum of the golden-section search is not above the best of the grid by more than the
  // curve's own width.
  const json golden = results(folder, tuned + "--golden --points 8");
  CHECK(golden["tuning"]["points"].size() == 8);
  CHECK(std::abs(golden["tuning"]["best"].get<double>() - all["tuning"]["best"].get<double>()) <=
        0.55 / 4);
  // Whole numbers stay whole.
  const json members = results(folder, small +
                                           "--tune members --range 2:5 --points 3 --tune-cycles "
                                           "20 --tune-burn-in 5 --tune-trajectories 1");
  for (const json& p : members["tuning"]["points"])
    CHECK(p["parameter"] == std::round(p["parameter"].get<double>()));
  must_fail(folder, small + "--tune method --range 1:2", 2, {"method"});
  must_fail(folder, small + "--tune members --range 3", 2, {"LOW:HIGH"});
  must_fail(folder, small + "--tune members --range 4:2", 2, {"'4:2'", "LOW:HIGH", "smaller"});
  must_fail(folder, small + "--golden", 2, {"--tune"});
}

TEST_CASE("a divergence ends the run, names cycle and trajectory, and keeps what there is") {
  const ProgramFolder folder;
  // Observations that say little, and a limit that a lost trajectory passes soon.
  const std::string lost = plain +
                           "--seed 1 --trajectories 8 --burn-in 0 --cycles 40 --initial-deviation "
                           "0.1 "
                           "--divergence-limit 1 --observation-deviation 12 ";
  must_fail(folder, lost + "--out run", 4, {"cycle ", "trajectory ", "diverged"});
  const json stored = json::parse(file_contents(folder / "run/results.json"))["results"];
  REQUIRE(stored["failures"].size() >= 1);
  CHECK(stored["failures"][0].get<std::string>().rfind("cycle ", 0) == 0);
  CHECK(stored["analysis"]["nrmse_pooled"].get<double>() > 0);
  // The others go on.
  const json rest = results(folder, lost + "--go-on");
  CHECK(rest["failures"] == stored["failures"]);
  CHECK(rest["failures"].size() < 8);
  CHECK(rest["cycles"] == 40);
  // Euler's steps of 0.3 blow up before there is a truth.
  must_fail(folder, small + "--scheme euler --dt 0.3", 4, {"not finite"});
}

TEST_CASE("a surrogate forecasts in place of the system") {
  const ProgramFolder folder;
  make_sets(folder);
  REQUIRE(folder
              .papillon("surrogate --data data/train.nc --models poly4 --lambda 1e-9 --samples "
                        "7000 --fit-only "
                        "--save poly.safetensors --quiet")
              .code == 0);
  const std::string with = small + "--truth data/test.nc --trajectories 2 ";
  const json system = results(folder, with);
  const std::string by = with + "--surrogate poly.safetensors ";
  const json trusting = results(folder, by), noisy = results(folder, by + "--forecast-noise 0.5");
  const auto background = [](const json& j) {
    return j["background"]["nrmse_pooled"].get<double>();
  };
  // A polynomial of degree 4 knows a step of 0.1 to a few per cent. A filter that takes it for
  // exact loses the truth; one that knows of an error does not, and is not as good as with the
  // system.
  CHECK(background(noisy) > background(system));
  CHECK(background(noisy) < 0.5 * background(trusting));
  CHECK(background(noisy) < 0.3);
  CHECK(noisy["inputs"].contains("poly.safetensors"));
  // A filter that has lost the truth is named.
  REQUIRE(!trusting["lost"].empty());
  CHECK(trusting["lost"][0]["cycle"].get<int>() >= 30);
  CHECK(noisy["lost"].empty());
  must_fail(folder, with + "--surrogate poly.safetensors --interval 7", 2, {"multiples of 10"});
  must_fail(folder, with + "--surrogate poly.safetensors --dt 0.03", 3, {"poly.safetensors"});
}

TEST_CASE("a slip does not cost a finished run, or one that is under way") {
  const ProgramFolder folder;
  const json run = results(folder, small + "--out run");
  const std::string stored = file_contents(folder / "run/results.json");
  must_fail(folder, small + "--out run --members 1", 3, {"run", "--members 12 there, 1 here"});
  must_fail(folder, small + "--out run --cycles 60", 3, {"--cycles"});
  must_fail(folder, small + "--out run --resume", 3, {"finished"});
  CHECK(file_contents(folder / "run/results.json") == stored);
  CHECK(results(folder, small + "--out run") == run);  // the same again is nobody's loss
  // Seeds that a double cannot tell apart are two runs.
  results(folder, small + "--seed 9007199254740992 --out large");
  must_fail(folder, small + "--seed 9007199254740993 --out large", 3, {"--seed"});
}

TEST_CASE("where every trajectory fails, the failures are what there is") {
  const ProgramFolder folder;
  must_fail(folder, small + "--divergence-limit 1e-6 --go-on --out all", 4,
            {"cycle 0, trajectory 0"});
  const json stored = json::parse(file_contents(folder / "all/results.json"));
  CHECK(stored["results"]["failures"].size() == 3);
}

TEST_CASE("what does not fit together is refused in one line") {
  const ProgramFolder folder;
  make_sets(folder);
  train_a_model(folder);
  const std::string enoi = small + "--method enoi --members 5 ";
  const std::string diffusion = enoi + "--ensemble diffusion --model run/model.safetensors ";
  must_fail(folder, small + "--system lorenz96 --truth data/test.nc", 3,
            {"data/test.nc", "3 components", "40"});
  must_fail(folder, small + "--truth no.nc", 3, {"no.nc"});
  must_fail(folder, small + "--truth data/test.nc --trajectories 9", 2, {"9"});
  must_fail(folder, small + "--truth data/test.nc --cycles 5000", 2, {"truth"});
  must_fail(folder, small + "--truth data/test.nc --dt 0.007", 3, {"--dt 0.007"});
  must_fail(folder, enoi, 2, {"--covariance"});
  must_fail(folder, enoi + "--covariance 1,2,3", 2, {"--covariance", "9"});
  must_fail(folder, enoi + "--covariance 1,0,0,0,1,0,0,0,x", 2, {"'x'"});
  must_fail(folder, enoi + "--covariance 1,0,0,0,1,0,0,0,-1", 2,
            {"--covariance", "positive definite"});
  must_fail(folder, enoi + "--covariance 1,0,0,0.5,1,0,0,0,1", 2, {"not symmetric", "(1, 0)"});
  must_fail(folder, enoi + "--covariance 1,0,0,0,1,0,0,0,inf", 2, {"not finite", "(2, 2)"});
  write_npy(folder / "negative.npy", Tensor<double>(Shape{3, 3}, {1, 0, 0, 0, -1, 0, 0, 0, 1}));
  for (const std::string option :
       {"--observation-covariance", "--forecast-noise-covariance", "--truth-noise-covariance"})
    must_fail(folder, small + option + " negative.npy", 3, {"negative.npy", "positive definite"});
  must_fail(folder, enoi + "--covariance no.npy", 3, {"no.npy"});
  must_fail(folder, enoi + "--ensemble diffusion", 2, {"--model FILE"});
  must_fail(folder, enoi + "--ensemble diffusion --model no.safetensors", 3, {"no.safetensors"});
  must_fail(folder, diffusion + "--start-step 101", 2, {"101"});
  must_fail(folder, diffusion + "--system lorenz96 --dimension 5", 3, {"model.safetensors"});
  must_fail(folder, enoi + "--ensemble posterior --model run/model.safetensors", 2, {"--library"});
  must_fail(folder, small + "--observe 3", 2, {"3"});
  must_fail(folder, small + "--observe=-1", 2, {"--observe", "-1"});
  // Options that the run would not read.
  must_fail(folder, small + "--ensemble diffusion --model run/model.safetensors", 2,
            {"--ensemble", "etkf", "enoi"});
  must_fail(folder, small + "--start-step 5", 2, {"--start-step", "etkf"});
  must_fail(folder, enoi + "--covariance climatology --eta 0.5", 2, {"--eta", "ddim"});
  must_fail(folder, small + "--forcing 9", 2, {"--forcing", "lorenz96"});
  for (const std::string option :
       {"--truth-every 2", "--first-time 5", "--first-trajectory 1", "--noise-every 2",
        "--tune-cycles 5", "--tune-burn-in 5", "--tune-trajectories 2", "--range 1:2", "--points 3",
        "--tune-score analysis-rmse", "--tune-truth data/test.nc", "--store 5", "--store-from 5",
        "--spread-states 5", "--baseline a", "--control a"})
    must_fail(folder, small + option, 2, {option.substr(0, option.find(' ')), "is not used"});
  must_fail(folder, small + "--observation-covariance negative.npy --observation-deviation 2", 2,
            {"--observation-deviation", "--observation-covariance"});
  must_fail(folder, small + "--tune radius --range 1:2", 2, {"radius", "letkf"});
  must_fail(folder, small + "--tune interval --range 1:5", 2, {"interval", "no parameter"});
  must_fail(folder, small + "--tune members --range 2.2:2.8", 2, {"whole number"});
  must_fail(folder, small + "--tune members --range 1:3 --tune-cycles 5", 2, {"--range 1:3"});
  must_fail(folder,
            small + "--truth data/test.nc --tune members --range 2:3 --tune-truth data/test.nc", 2,
            {"--tune-truth"});
  must_fail(folder, small + "--truth data/test.nc --first-time 5000", 2, {"no time 5000", "4000"});
  must_fail(folder, small + "--truth data/test.nc --first-trajectory 2", 2, {"trajectory 2"});
  must_fail(folder, small + "--observation-deviation 1,2", 2, {"--observation-deviation"});
  must_fail(folder, small + "--scale 1,2", 2, {"--scale"});
  must_fail(folder, small + "--members 1", 2, {"members"});
  must_fail(folder, small + "--along-window-every 3", 2, {"along_window_every"});
  must_fail(folder, small + "--run etkf", 2, {"[[assimilate.run]]"});
  must_fail(folder, small + "--spread 3,4", 2, {"--ensemble"});
  must_fail(folder, plain + "--out nowhere --resume", 3, {"nowhere"});
  put_file(folder / "file", "");
  must_fail(folder, small + "--out file", 3, {"file"});
  must_fail(folder, small + "--out /proc/here", 3, {"/proc/here"});
}
