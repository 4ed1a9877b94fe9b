// Several runs of one configuration file, each done once, and the table of them all.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/options.hpp"

namespace papillon::apps {

// The runs of the file's [[assimilate.run]] tables, named in --run or all. Where a table gives a
// list to an option that takes one value, it stands for several runs: the first with the first
// values of all lists, and so on. Throws UsageError, InputError.
std::vector<ParsedRun> listed_runs(const Context& context, const AssimilateOptions& common);

// Throws InputError if the directory of a run has results or a checkpoint of another one: what took
// hours is not lost to a slip.
void refuse_other_run(const ParsedRun& run, Inputs& inputs);

// Throws, before anything is written, what the run would throw for options and inputs that do not
// fit together.
void check_run(const ParsedRun& run, Inputs& inputs);

// Checks those that are not finished, all of them before the first begins. Runs those that are not
// finished with the same settings and inputs, in order; writes table.csv, table.json and figures.
// Returns {"runs": [{name, config, results}, ...]}.
Json compare(const Context& context, std::vector<ParsedRun> runs, Inputs& inputs);

}  // namespace papillon::apps
