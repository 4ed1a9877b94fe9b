// What `papillon bench` measures of assimilation: experiments that go on for ever, piece by piece.
#pragma once

#include <functional>

#include "papillon/diffusion/model.hpp"

namespace papillon::apps {

inline constexpr std::size_t bench_trajectories = 16, bench_interval = 10;

struct CyclesToRun {
  std::size_t cycles;          // of all 16 trajectories, in one call
  std::function<void()> work;  // the next ones
};

// The ETKF of the paper's setting, and its limit: the integration of members and truths alone.
CyclesToRun etkf_cycles(std::size_t members, std::uint64_t seed);
CyclesToRun integration_alone(std::size_t members, std::uint64_t seed);
// EnOI with ensembles from the model, DDPM of 100 steps begun at start_step.
CyclesToRun enoi_diffusion_cycles(const DiffusionModel& model, int members, int start_step,
                                  std::uint64_t seed);

}  // namespace papillon::apps
