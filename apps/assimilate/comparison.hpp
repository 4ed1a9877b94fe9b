// Several runs of one configuration file, each done once, and the table of them all.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

// Throws, before anything is written, what the run would throw for options and inputs that do not
// fit together.
void check_run(const AssimilationRun& run, InputFiles& files);
RunResult run_once(const AssimilationRun& run, InputFiles& files, const std::string& how_to_resume);

// Throws InputError if the directory of a run has results or a checkpoint of another one.
void refuse_other_run(const AssimilationRun& run, InputFiles& files);

// Runs those that are not finished with the same settings and inputs, in order; writes table.csv,
// table.json and figures. Returns {"runs": [{name, config, results}, ...]}.
Json compare(const Context& context, std::vector<AssimilationRun> runs, InputFiles& files);

}  // namespace papillon::apps
