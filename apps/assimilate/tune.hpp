// --tune: the value of one option is searched for, by runs on trajectories of their own.
#pragma once

#include "papillon/apps/assimilate/score.hpp"

namespace papillon::apps {

// Throws UsageError, InputError for a search that makes no sense, at the ends of its range too.
void check_tuning(const AssimilationRun& run, InputFiles& files);
// The search that --tune asks for. In the directory, if there is one: tuning.json, after each point
// (a search that goes on, or is asked for again, takes them from there), and tuning.csv. Throws
// UsageError, NumericalError.
TuningResult tune(const AssimilationRun& run, InputFiles& files);
// The run with its option set to a value of the search.
AssimilationRun with_parameter(const AssimilationRun& run, double value);

}  // namespace papillon::apps
