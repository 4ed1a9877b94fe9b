// Which options a run reads: one that it does not is a mistake where somebody gave it to this run.
#pragma once

#include "papillon/apps/assimilate/options.hpp"

namespace papillon::apps {

// Throws UsageError for one that these options make useless, and says what it is for. Options that
// every run reads are always right.
void check_used(const AssimilateOptions& o, const Settings& given);

// Throws UsageError unless the option is a parameter of the method that the run reads.
void check_tunable(const AssimilateOptions& o);

}  // namespace papillon::apps
