// What needs more memory than there is says how much before it starts, and the estimates are right.
#include <algorithm>
#include <cstdint>
#include <fstream>

#include "apps/running.hpp"
#include "catch.hpp"
#include "papillon/lorenz/surrogate/ridge.hpp"

using namespace papillon::test;

#if defined(PAPILLON_SANITIZED)
constexpr bool limits_hold = false;
#else
constexpr bool limits_hold = true;
#endif

TEST_CASE("what needs more memory than there is, is refused before anything is written") {
  if (!limits_hold) return;
  const ProgramFolder folder;
  REQUIRE(folder
              .shell("\"$P\" generate --out data --members 4 --steps 50000 --burn-in 500 --quiet "
                     "&& \"$P\" train --data data/train.nc --out run --hidden 32 --blocks 2 "
                     "--embedding 16 --batch-size 256 --samples 2560 --quiet")
              .code == 0);
  for (const std::string job : {
           "generate --out x --members 1000000000",
           "generate --out x --system lorenz96 --dimension 100000",
           "generate --out x --steps 1000000000000",
           "train --data data/train.nc --out x --hidden 16384 --blocks 100",
           "sample --model run/model.safetensors --count 1e10 --out x.npy",
           "surrogate --data data/train.nc --models rff32000 --lambda 1e-4 --samples 8192 "
           "--fit-only --save x.safetensors --out x",
           "surrogate --data data/train.nc --models rff40000 --lambda 1e-4 --samples 8192 "
           "--fit-only --save x.safetensors --out x",
           "assimilate --system lorenz96 --dimension 100000 --cycles 1 --out x",
       }) {
    CAPTURE(job);
    const Outcome outcome = folder.shell("ulimit -v 8000000\n\"$P\" " + job);
    CAPTURE(outcome.err);
    // What fits neither memory nor disk is refused for either.
    const auto says = [&](const char* text) { return outcome.err.find(text) != std::string::npos; };
    const bool too_much = says(" of memory; ") || says("32766") || says(" has room for ") ||
                          says(" are too much for .npy");
    CHECK(too_much);
    CHECK((outcome.code == 2 || outcome.code == 3));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    for (const char* left : {"x", "x.npy", "x.safetensors"}) CHECK(!fs::exists(folder / left));
  }
  // A sparse file of 12 GB of states.
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 3), }";
  header.resize(117, ' ');
  {
    std::ofstream big(folder / "big.npy", std::ios::binary);
    big << std::string("\x93NUMPY\x01\0v\0", 10) << header << '\n';
  }
  fs::resize_file(folder / "big.npy", 128 + std::uintmax_t{12'000'000'000});
  const Outcome file =
      folder.shell("ulimit -v 8000000\n\"$P\" evaluate --samples big.npy --reference big.npy");
  CAPTURE(file.err);
  CHECK(file.code == 3);
  CHECK(file.err.find("GB of memory") != std::string::npos);
  CHECK(file.err.find("big.npy") != std::string::npos);
}

TEST_CASE("a large need is announced") {
  const ProgramFolder folder;
  REQUIRE(folder.papillon("generate --out data --members 1 --steps 2000 --quiet").code == 0);
  Running run(folder,
              "surrogate --data data/train.nc --models rff7000 --lambda 1e-4 --samples 1000 "
              "--fit-only --save x.safetensors");
  const auto said = [&] { return file_contents(folder / ".err"); };
  for (int i = 0; i < 200 && said().empty(); ++i) wait_for(0.01);
  CHECK(said().find("rff7000: the fit of 7,000 features needs about 1.2 GB of memory\n") !=
        std::string::npos);
}

TEST_CASE("the memory of a ridge regression is what it is said to be") {
  if (!limits_hold) return;
  const ProgramFolder folder;
  REQUIRE(folder.papillon("generate --out data --members 4 --steps 4000 --quiet").code == 0);
  const auto peak = [&](const std::string& model) {
    Running run(folder,
                "surrogate --data data/train.nc --models " + model +
                    " --lambda 1e-4 --samples 8192 --fit-only --save x --quiet --threads 2");
    REQUIRE(run.wait(120) == 0);
    return run.peak_memory();
  };
  const double taken = peak("rff2000") - peak("rff20"), said = papillon::ridge_memory(2000, 3);
  CAPTURE(taken, said);
  // Blocks of features and of the trajectories come on top.
  CHECK(taken < 1.25 * said);
  CHECK(taken > 0.8 * said);
}
