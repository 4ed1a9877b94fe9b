// The program's conventions: help, settings, exit codes, one-line errors, whole files.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/program.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

constexpr const char* small_sets =
    "generate --out data --members 2 --test-members 1 --steps 400 --burn-in 50 --quiet ";
constexpr const char* small_net =
    "--hidden 16 --blocks 1 --embedding 8 --batch-size 64 --samples 6400 --quiet ";

// Fails, with that code and one line that names all these things, and writes no output.
void must_fail(const ProgramFolder& place, const std::string& arguments, int code,
               const std::vector<std::string>& mentions) {
  CAPTURE(arguments);
  const Outcome outcome = place.papillon(arguments);
  CAPTURE(outcome.err);
  CHECK(outcome.code == code);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.find("error:") != std::string::npos);
  for (const std::string& word : mentions) {
    CAPTURE(word);
    CHECK(outcome.err.find(word) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("help begins with an example, for the program and each subcommand") {
  const ProgramFolder place;
  for (const std::string command : {"", "generate", "train", "sample", "evaluate", "surrogate",
                                    "assimilate", "gradcheck", "bench", "info"}) {
    const Outcome outcome = place.papillon(command + " --help");
    CAPTURE(command);
    CHECK(outcome.code == 0);
    CHECK(outcome.out.rfind("Example:\n  papillon " + command, 0) == 0);
    CHECK(outcome.err.empty());
  }
  CHECK(place.papillon("--version").out.rfind("papillon ", 0) == 0);
}

TEST_CASE("a command line that makes no sense is refused with 2") {
  const ProgramFolder place;
  must_fail(place, "", 2, {"subcommand"});
  must_fail(place, "fly", 2, {"--help"});
  must_fail(place, "generate", 2, {"--out"});
  must_fail(place, "generate --out d --steps -5", 2, {"--steps", "-5"});
  must_fail(place, "generate --out d --steps 1e99", 2, {"1e99"});
  must_fail(place, "generate --out d --members 0", 2, {"--members"});
  must_fail(place, "generate --out d --dt nan", 2, {"--dt"});
  must_fail(place, "generate --out d --format csv", 2, {"csv"});
  must_fail(place, "generate --out d --wings 2", 2, {"--wings"});
  must_fail(place, "sample --model m --out s.txt", 2, {"s.txt", ".nc or .npy"});
  must_fail(place, "sample --model m --out s.nc --from a.nc", 2, {"--start-step"});
  must_fail(place, "train --out r --data d.nc --schedule square", 2, {"square"});
  must_fail(place, "train --out r --data d.nc --learning-rate -1", 2, {"--learning-rate"});
  must_fail(place, "train --out r --data d.nc --strata 999999", 2, {"strata"});
  must_fail(place, "info --threads 100000", 2, {"--threads"});
  CHECK(!fs::exists(place / "d"));
}

TEST_CASE("an option that would be ignored is refused with what it is for") {
  const ProgramFolder place;
  const std::string sample = "sample --model m --out s.nc ",
                    surrogate = "surrogate --data d.nc --test t.nc --out o --no-figure --lambda 1 ";
  for (const auto& [arguments, mentions] :
       std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"fly", {"'fly' is no subcommand", "generate, train"}},
           {sample + "--from a.nc --start-step 3 --count 5",
            {"--count", "sampling without --from"}},
           {sample + "--members 5", {"--members", "ensembles, with --from"}},
           {sample + "--start-step 5", {"--start-step", "ensembles, with --from"}},
           {sample + "--rho 3", {"--rho", "--spacing karras"}},
           {sample + "--eta 0.5", {"--eta", "--sampler ddim"}},
           {sample + "--variance large", {"--variance", "--sampler ddpm"}},
           {"train --data d.nc --out r --validate-every 5", {"--validate-every", "--validation"}},
           {"train --data d.nc --out r --resume --preset quick", {"--preset", "--resume"}},
           {"evaluate --samples s.nc --reference r.nc --frechet-network f --features 8",
            {"--features", "--frechet-network none"}},
           {surrogate + "--models poly2 --epochs 3", {"--epochs", "dense<n>"}},
           {surrogate + "--models poly2 --fourier-width 3", {"--fourier-width", "rff<n>"}},
           {surrogate + "--models poly2 --timesteps 3", {"--timesteps", "trained"}},
           {surrogate + "--models dense2", {"--lambda", "linear readout"}},
           {surrogate + "--models poly2 --lyapunov-steps 3",
            {"--lyapunov-steps", "--lyapunov-trajectories"}},
           {surrogate + "--models poly2,poly2", {"'poly2'", "twice"}}})
    must_fail(place, arguments, 2, mentions);
  must_fail(place, "train --out gone --resume", 3, {"gone/config.toml", "no such file"});
}

TEST_CASE("pipes and folders in the place of files are refused at once") {
  const ProgramFolder place;
  REQUIRE(place.shell("mkfifo f.npy f.toml f.safetensors").code == 0);
  for (const char* arguments :
       {"train --data f.npy --out r", "info --config f.toml", "train --data . --out r",
        "sample --model f.safetensors --out s.npy", "info --config ."})
    must_fail(place, arguments, 3, {"must be a"});
}

TEST_CASE("settings: defaults < file < environment < flags") {
  const ProgramFolder place;
  put_file(place / "c.toml", "seed = 7\nthreads = 1\n[info]\nseed = 8\n[train]\nhead = 'noise'\n");
  const auto seed = [&](const std::string& before, const std::string& after) {
    const Outcome outcome = place.shell(before + " \"$P\" info --json - " + after);
    CHECK(outcome.code == 0);
    return json::parse(outcome.out).at("seed").get<int>();
  };
  CHECK(seed("", "") == 0);
  CHECK(seed("", "--config c.toml") == 8);
  CHECK(seed("PAPILLON_SEED=9", "--config c.toml") == 9);
  CHECK(seed("PAPILLON_SEED=9", "--config c.toml --seed 10") == 10);
  CHECK(seed("PAPILLON_CONFIG=c.toml", "") == 8);

  must_fail(place, "info --config none.toml", 3, {"none.toml"});
  put_file(place / "bad.toml", "seed = 1\n[info\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:2"});
  put_file(place / "bad.toml", "seed = 1\n[train]\n\nwings = 2\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:4", "wings"});
  put_file(place / "bad.toml", "wings = 2\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:1", "wings"});
  put_file(place / "bad.toml", "[fly]\nx = 2\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:1", "fly"});
  put_file(place / "bad.toml", "[info]\nseed = 'many'\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:2", "seed"});
  put_file(place / "bad.toml", "[info]\nseed = [1, 2]\n");
  must_fail(place, "info --config bad.toml", 3, {"bad.toml:2", "seed"});
  const Outcome outcome = place.shell("PAPILLON_SEED=many \"$P\" info");
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("PAPILLON_SEED") != std::string::npos);
}

TEST_CASE("info and its JSON") {
  const ProgramFolder place;
  const Outcome outcome = place.papillon("info --threads 2 --json info.json --seed 4");
  REQUIRE(outcome.code == 0);
  CHECK(outcome.out.find("blas check   right") != std::string::npos);
  const json result = json::parse(file_contents(place / "info.json"));
  for (const char* key :
       {"command", "version", "commit", "seed", "threads", "config", "seconds", "results"})
    CHECK(result.contains(key));
  CHECK(result["command"] == "info");
  CHECK(result["threads"] == 2);
  CHECK(result["results"]["blas_right"] == true);
}

TEST_CASE("generate: both formats hold the same states, whatever the threads") {
  const ProgramFolder place;
  REQUIRE(place.papillon(std::string(small_sets) + "--threads 1 --json g.json").code == 0);
  REQUIRE(place.papillon(std::string(small_sets) + "--format npy --threads 3").code == 0);
  REQUIRE(place
              .shell("mv data/train.npy a.npy; \"$P\" " + std::string(small_sets) +
                     "--format npy --threads 1")
              .code == 0);
  CHECK(file_contents(place / "a.npy") == file_contents(place / "data/train.npy"));
  const json results = json::parse(file_contents(place / "g.json"))["results"];
  CHECK(results["train"]["states"] == 800);
  CHECK(results["test"]["states"] == 400);
  // The file beside the sets is a configuration that makes them again.
  REQUIRE(place.papillon("generate --config data/config.toml --out again --format nc").code == 0);
  // Scores of a set against itself: the NetCDF and the NPY hold the same numbers.
  REQUIRE(place
              .papillon("evaluate --samples data/train.npy --reference again/train.nc --json "
                        "e.json --quiet")
              .code == 0);
  const json scores = json::parse(file_contents(place / "e.json"))["results"];
  CHECK(scores["hellinger"]["value"] == 0);
  CHECK(scores["d_gen"]["value"] == 0);
}

TEST_CASE("files that are missing, malformed or do not fit are refused with 3") {
  const ProgramFolder place;
  REQUIRE(place.papillon(small_sets).code == 0);
  REQUIRE(place.papillon(std::string(small_sets) + "--format npy").code == 0);
  const auto bad_data = [&](const std::string& file, const std::vector<std::string>& mentions) {
    must_fail(place, "train --out run --data " + file + " " + small_net, 3, mentions);
    CHECK(!fs::exists(place / "run/model.safetensors"));
  };
  bad_data("none.nc", {"none.nc"});
  bad_data("none.npy", {"none.npy"});
  for (const std::string name : {"train.nc", "train.npy"}) {
    const std::string whole = file_contents(place / ("data/" + name));
    const std::string copy = "cut" + fs::path(name).extension().string();
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, whole.size() / 2}) {
      put_file(place / copy, whole.substr(0, size));
      bad_data(copy, {copy});
    }
    put_file(place / copy, "no " + whole);
    bad_data(copy, {copy});
  }
  // The last float of an NPY file is the last state's z.
  std::string poisoned = file_contents(place / "data/train.npy");
  poisoned.replace(poisoned.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));
  put_file(place / "nan.npy", poisoned);
  bad_data("nan.npy", {"nan.npy", "component 2", "not finite"});

  must_fail(place, "sample --model none.safetensors --out s.npy", 3, {"none.safetensors"});
  put_file(place / "lie.safetensors", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10));
  must_fail(place, "sample --model lie.safetensors --out s.npy", 3, {"lie.safetensors"});
  must_fail(place, "train --out nowhere --resume --data data/train.nc", 3, {"nowhere", "resume"});
  must_fail(place, "generate --out /dev/null/data", 3, {"/dev/null/data"});
  must_fail(place, "info --json /nowhere/info.json --quiet", 3, {"/nowhere"});

  // A model of three components and states of five.
  REQUIRE(place
              .papillon("generate --system lorenz96 --dimension 5 --out five --steps 100 "
                        "--burn-in 10 --members 1 --quiet")
              .code == 0);
  REQUIRE(place.papillon("train --out run --data data/train.nc " + std::string(small_net)).code ==
          0);
  must_fail(place,
            "sample --model run/model.safetensors --out s.npy --from five/train.nc --start-step 2",
            3, {"five/train.nc", "5 components"});
  must_fail(place, "evaluate --samples five/train.nc --reference data/test.nc", 3,
            {"5 components"});
  must_fail(place, "train --out run --data data/train.nc --validation five/train.nc", 3,
            {"five/train.nc"});
  CHECK(!fs::exists(place / "s.npy"));
}

TEST_CASE("full disk: the old file stays") {
  const ProgramFolder place;
  REQUIRE(place.papillon(small_sets).code == 0);
  const std::string before = file_contents(place / "data/train.nc");
  // No file may grow beyond 4 KiB (8 blocks of 512 bytes); the signal for it is ignored.
  const Outcome outcome =
      place.shell("trap '' XFSZ; ulimit -f 8; \"$P\" " + std::string(small_sets) + "--dt 0.02");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 3);
  CHECK(file_contents(place / "data/train.nc") == before);
  for (const auto& entry : fs::directory_iterator(place / "data")) {
    CAPTURE(entry.path().string());
    CHECK((entry.path().extension() == ".nc" || entry.path().extension() == ".toml"));
  }
}

TEST_CASE("a benchmark that no case is part of is a mistake, and the cases are named") {
  const ProgramFolder place;
  const Outcome outcome = place.papillon("bench --only nothing --json b.json --quiet");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("train_1024") != std::string::npos);
  CHECK(outcome.err.find("lorenz63_rk4") != std::string::npos);
  CHECK_FALSE(fs::exists(place / "b.json"));
}

TEST_CASE("no option writes where another reads or writes") {
  const ProgramFolder folder;
  REQUIRE(folder.papillon("generate --out data --members 1 --steps 400 --burn-in 1 --quiet").code ==
          0);
  const std::string train = file_contents(folder / "data/train.nc");
  for (const char* command :
       {"evaluate --samples data/test.nc --reference data/train.nc --json data/train.nc",
        "train --data data/train.nc --out run --json ./data/../data/train.nc",
        "surrogate --data data/train.nc --models rff8 --lambda 1 --fit-only --save data/train.nc",
        "sample --model data/train.nc --out new.npy --json new.npy"})
    must_fail(folder, command, 2, {" is the file of --", "give it a name of its own"});
  CHECK(file_contents(folder / "data/train.nc") == train);
  // A value that is no file may have the name of an output.
  CHECK(folder
            .papillon("assimilate --truth data/test.nc --method etkf --members 3 --cycles 5 "
                      "--burn-in 1 --out etkf --quiet")
            .code == 0);
}

TEST_CASE("messages that nobody can read change nothing") {
  const ProgramFolder folder;
  const std::string one =
      "\"$P\" generate --out o --members 1 --validation-members 0 "
      "--test-members 0 --burn-in 1 --steps ";
  CHECK(folder.shell(one + "8 2>/dev/full").code == 0);
  CHECK(folder.shell(one + "8 2>&-").code == 0);
  CHECK(folder.shell(one + "0 2>/dev/full").code == 2);
}

TEST_CASE("a set of one state has no deviation; a seed of 64 bits is read again") {
  const ProgramFolder folder;
  const Outcome outcome = folder.papillon(
      "generate --out o --members 1 --validation-members 0 --test-members 0 --burn-in 1 --steps 1 "
      "--seed 18446744073709551615 --json -");
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("\"standard_deviation\": null") != std::string::npos);
  CHECK(folder.papillon("generate --config o/config.toml --out again --quiet").code == 0);
  CHECK(file_contents(folder / "again/train.nc").size() ==
        file_contents(folder / "o/train.nc").size());
  must_fail(folder, "train --data o/train.nc --out run", 3, {"o/train.nc: one state is too few"});
}
