// Every subcommand ends soon after the first signal, wherever it is; what was finished is there,
// and nothing half-written; nor is it after a kill -9 and another run.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/running.hpp"
#include "catch.hpp"

using nlohmann::json;
using namespace papillon::test;

namespace {

// Two seconds are the law. As much again is for machines that do other things besides.
constexpr double limit = 2 + 2;

std::size_t temporaries(const ProgramFolder& folder) {
  const auto is_one = [](const fs::path& path) { return path.extension() == ".tmp"; };
  return static_cast<std::size_t>(std::count_if(fs::recursive_directory_iterator(folder.path()),
                                                fs::recursive_directory_iterator(), is_one));
}

// A model and data to work on.
void make_inputs(const ProgramFolder& folder) {
  REQUIRE(folder
              .shell("\"$P\" generate --out data --members 4 --steps 50000 --burn-in 500 --quiet "
                     "&& \"$P\" train --data data/train.nc --out run --hidden 32 --blocks 2 "
                     "--embedding 16 --batch-size 256 --samples 2560 --quiet")
              .code == 0);
}

// Jobs of minutes, each in another place of the program.
const char* const jobs[] = {
    "generate --out g --members 100 --burn-in 1000000000",
    "generate --out g --members 64 --steps 10000000 --store-every 100 --format npy",
    "generate --out g --members 64 --steps 10000000",
    "train --data data/train.nc --validation data/validation.nc --out t",
    "train --data data/train.nc --out t --batch-size 1000000",
    "sample --model run/model.safetensors --count 20000000 --steps 500 --out s.npy",
    "sample --model run/model.safetensors --from data/test.nc --start-step 400 --steps 500 "
    "--sampler ddpm --members 50 --out s.nc",
    "evaluate --samples data/test.nc --reference data/train.nc --nearest-states 0",
    // 2,924 features: seconds in one call of LAPACK.
    "surrogate --data data/train.nc --test data/test.nc --models poly24 --lambda 1e-4 --samples "
    "8192 --no-figure --out u",
    "surrogate --data data/train.nc --test data/test.nc --models dense3 --samples 100000 --epochs "
    "10000 --no-figure "
    "--out u",
    "surrogate --data data/train.nc --test data/test.nc --models poly3 --lambda 1e-4 --samples "
    "10000 --lead 1 --leads "
    "40000 --no-figure --out u",
    "assimilate --cycles 100000000 --out a",
    "assimilate --system lorenz96 --dimension 400 --method letkf --members 40 --cycles 1000000 "
    "--out a",
    "assimilate --method 4dvar --covariance climatology --window 4 --cycles 100000000",
    "assimilate --members 12 --tune prior-variance-inflation --range 1:1.2 --tune-cycles 10000000 "
    "--out a",
    "assimilate --ensemble diffusion --model run/model.safetensors --members 1000 --spread 50,100 "
    "--climate data/train.nc --out a",
    "gradcheck",
    "bench --seconds 60",
};

void stop(const ProgramFolder& folder, const std::string& job, int signal, double after) {
  CAPTURE(job, signal, after);
  for (const char* out : {"g", "t", "u", "a"}) fs::remove_all(folder / out);
  Running run(folder, job);
  wait_for(after);
  run.send(signal);
  const int code = run.wait(limit);
  const std::string said = file_contents(folder / ".err");
  CAPTURE(said);
  // Before main it has no handler, and ends as signals have it; a short job may be done.
  const bool expected = code == 130 || code == 0 || (after < 0.2 && code == 128 + signal);
  CHECK(expected);
  CHECK(temporaries(folder) == 0);
  if (code != 130) return;
  CHECK(said.find("interrupted") != std::string::npos);
  CHECK(said.find('\n', said.find("interrupted")) == said.size() - 1);
  CHECK(said.rfind("interrupted") == said.find("interrupted"));  // once
}

}  // namespace

TEST_CASE("every subcommand ends soon after a signal, and leaves nothing half-written") {
  const ProgramFolder folder;
  make_inputs(folder);
  int turn = 0;
  for (const char* job : jobs)
    for (const double after : {0.05, 0.5}) stop(folder, job, ++turn % 2 ? SIGTERM : SIGINT, after);
}

TEST_CASE("every subcommand ends soon after a signal at many moments", "[.slow]") {
  const ProgramFolder folder;
  make_inputs(folder);
  int turn = 0;
  for (const char* job : jobs)
    for (const double after : {0.02, 0.05, 0.2, 0.4, 1.5, 3.0, 6.0})
      stop(folder, job, ++turn % 3 ? SIGTERM : turn % 2 ? SIGINT : SIGHUP, after);
}

TEST_CASE("a second signal ends the program at once") {
  const ProgramFolder folder;
  make_inputs(folder);
  Running run(folder, "train --data data/train.nc --out t --batch-size 4000000");
  wait_for(0.8);
  run.send(SIGINT);
  wait_for(0.1);
  run.send(SIGTERM);
  CHECK(run.wait(0.5) == 130);
  CHECK(temporaries(folder) == 0);
}

TEST_CASE("gnuplot ends with the program") {
  const ProgramFolder folder;
  REQUIRE(folder.papillon("generate --out data --members 2 --steps 2000 --quiet").code == 0);
  fs::create_directory(folder / "bin");
  put_file(folder / "bin/gnuplot", "#!/bin/sh\necho $$ > started\nexec sleep 60\n");
  fs::permissions(folder / "bin/gnuplot", fs::perms::owner_all);
  const Outcome outcome = folder.shell(
      "PATH=\"$PWD/bin:$PATH\"; \"$P\" evaluate --quiet --samples data/validation.nc --reference "
      "data/train.nc --independent data/test.nc --frechet-network none --figure f &\np=$!\n"
      "i=0; while [ ! -s started ] && [ $i -lt 3000 ]; do sleep 0.01; i=$((i+1)); done\n"
      "sleep 0.1; kill -TERM $p; wait $p; c=$?\n"
      "sleep 0.1; s=$(cut -d' ' -f3 /proc/$(cat started)/stat 2>/dev/null)\n"
      "[ -z \"$s\" ] || [ \"$s\" = Z ] || { echo gnuplot is still there; exit 1; }\nexit $c");
  CAPTURE(outcome.out, outcome.err);
  CHECK(outcome.code == 130);
  CHECK(temporaries(folder) == 0);
  CHECK(!fs::exists(folder / "f.png"));
}

TEST_CASE("training that is killed at any moment, and resumed, ends with the same bits") {
  const ProgramFolder folder;
  REQUIRE(folder
              .papillon("generate --out data --members 2 --test-members 0 --steps 2000 --burn-in "
                        "500 --quiet")
              .code == 0);
  const auto train = [](const std::string& out) {
    return "train --data data/train.nc --validation data/validation.nc --out " + out +
           " --hidden 32 --blocks 2 --embedding 16 --batch-size 256 --samples 51200 --log-every 3 "
           "--validate-every 4 --checkpoint-every 0 --quiet";
  };
  REQUIRE(folder.papillon(train("whole")).code == 0);
  int code = 0, killed = 0;
  for (int turn = 0; turn < 100 && !fs::exists(folder / "part/model.safetensors"); ++turn) {
    const bool begun = fs::exists(folder / "part/checkpoint.safetensors");
    Running run(folder, train("part") + (begun ? " --resume" : ""));
    wait_for(0.15 + 0.03 * (turn % 10));
    run.send(turn % 3 == 0 ? SIGTERM : SIGKILL);
    code = run.wait(limit);
    CAPTURE(turn, file_contents(folder / ".err"));
    const bool expected =
        code == 0 || code == 130 || code == 128 + SIGKILL || code == 128 + SIGTERM;
    REQUIRE(expected);
    killed += code != 0;
  }
  CHECK(killed > 0);
  REQUIRE(folder.papillon(train("part") + " --resume").code == 0);
  for (const std::string file : {"model.safetensors", "best.safetensors"})
    CHECK(file_contents(folder / ("part/" + file)) == file_contents(folder / ("whole/" + file)));
  CHECK(temporaries(folder) == 0);
}

TEST_CASE("sets that are finished are kept, and what a kill -9 has left goes with the next run") {
  const ProgramFolder folder;
  const std::string job = "generate --out data --members 1 --validation-members 200 --steps ";
  for (const int signal : {SIGKILL, SIGTERM}) {
    CAPTURE(signal);
    fs::remove_all(folder / "data");
    Running run(folder, job + "400000");
    while (temporaries(folder) == 0 || !fs::exists(folder / "data/train.nc")) wait_for(0.01);
    run.send(signal);
    CHECK(run.wait(limit) == (signal == SIGKILL ? 128 + SIGKILL : 130));
    CHECK(fs::exists(folder / "data/train.nc"));
    CHECK(!fs::exists(folder / "data/validation.nc"));
    CHECK(temporaries(folder) == (signal == SIGKILL ? 1u : 0u));
    REQUIRE(folder.papillon(job + "100 --quiet").code == 0);
    CHECK(temporaries(folder) == 0);
  }
}
