// How wide and how Gaussian generated ensembles are, by the step at which they start.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/options.hpp"
#include "papillon/apps/assimilate/world.hpp"

namespace papillon::apps {

// Throws what run_spread() would throw for options and inputs that do not fit together.
void check_spread(const ParsedRun& run, Inputs& inputs);
// For --spread: statistics of ensembles around states of the climate. In the run's directory, if
// there is one: results.json and spread.csv. Throws Interrupted.
Json run_spread(const ParsedRun& run, Inputs& inputs);

// The states around which they are generated, [n, D]: evenly spaced in the climate's pool.
Tensor<double> spread_states(const AssimilateOptions& options, const World& world);

std::string csv_of_spread(const std::vector<Json>& runs);  // {"name", "config", "results"} each
void print_spread(const Json& run);

}  // namespace papillon::apps
