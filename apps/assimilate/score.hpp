// Fourth step: an experiment is run and scored, in a test as in a trial of a search.
#pragma once

#include "papillon/apps/assimilate/build.hpp"
#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

// Runs what is left of it. None if its progress callback ended it early. Trajectories that fail are
// in the result. Throws ArgumentError if there is nothing to score, though nothing failed.
std::optional<RunResult> score_twin(Twin& twin);

}  // namespace papillon::apps
