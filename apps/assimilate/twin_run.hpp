// One run: tuned first if that is asked for, with checkpoints and files in its directory.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/options.hpp"
#include "papillon/lorenz/assimilation/tuning.hpp"

namespace papillon::apps {

// Throws what run_twin() would throw for options and inputs that do not fit together: everything is
// made that it needs, and nothing is run or written.
void check_twin(const ParsedRun& run, Inputs& inputs);
// What `results` are in --json; with `failures`, and the key `failed` where those ended the run
// (the scores are then those before it). Throws Interrupted after saving; and Error, UsageError.
// how_to_resume: a command, for the message.
Json run_twin(const ParsedRun& run, Inputs& inputs, const std::string& how_to_resume);

// What a run read, and how it is known: {"path": digest, ...}, and the version of
// random_streams.hpp.
Json input_digests(const AssimilateOptions& options, Inputs& inputs);
// Settings that the results depend on: without places and numbers of threads.
Json essential_settings(const Json& settings);
// All that makes a stored result that of a run: those settings, and the digests.
RunSettings identity(const Json& settings, const Json& digests);
RunSettings identity(const ParsedRun& run, Inputs& inputs);

// Throws UsageError, InputError for a search that makes no sense, at the ends of its range too.
void check_tuning(const ParsedRun& run, Inputs& inputs);
// The search that --tune asks for. In the directory, if there is one: tuning.json, after each point
// (a search that goes on, or is asked for again, takes them from there), and tuning.csv. Throws
// UsageError, Interrupted, NumericalError.
TuningCurve tune(const ParsedRun& run, Inputs& inputs);
// The run with its option set to the value that was found.
ParsedRun with_tuned_value(const ParsedRun& run, double value);

}  // namespace papillon::apps
