// Last step: a run with its files. Tuned first if that is asked for, with checkpoints on the way,
// and results, scores and states in its directory at the end.
#pragma once

#include "papillon/apps/assimilate/score.hpp"

namespace papillon::apps {

// Throws what run_twin() would throw for options and inputs that do not fit together: everything is
// built that it needs, and nothing is run or written.
void check_twin(const AssimilationRun& run, InputFiles& files);
// Throws Interrupted after saving; and Error, UsageError. how_to_resume: a command, for the
// message.
RunResult run_twin(const AssimilationRun& run, InputFiles& files, const std::string& how_to_resume);

}  // namespace papillon::apps
