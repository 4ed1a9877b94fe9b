// How wide and how Gaussian generated ensembles are, by the step at which they start.
#pragma once

#include "papillon/apps/assimilate/build.hpp"
#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

// Throws what run_spread() would throw for options and inputs that do not fit together.
void check_spread(const AssimilationRun& run, InputFiles& files);
// For --spread: statistics of ensembles around states of the climate. In the run's directory, if
// there is one: results.json and spread.csv.
RunResult run_spread(const AssimilationRun& run, InputFiles& files);

// The states around which they are generated, [n, D]: evenly spaced among the climate's.
Tensor<double> spread_states(const AssimilateOptions& options, const Climate& climate);
// The source of the spread's ensembles, with another start step, and with other members unless 0.
SourcePointer spread_source(const AssimilateOptions& options, const MethodInputs& inputs,
                            int start_step, std::size_t members = 0);

}  // namespace papillon::apps
