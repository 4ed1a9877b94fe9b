// Scores as JSON, as lines of CSV, and as a table for people.
#pragma once

#include "papillon/apps/command.hpp"
#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/lorenz/assimilation/tuning.hpp"

namespace papillon::apps {

// Between trajectories; where there is one only, between batches; NaN where there is one of those,
// too.
double standard_error(const Estimate& e);

// The keys of --json. A standard error `..._se` is that between trajectories, or between batches
// where there is one trajectory only; `..._se_batches` is always the latter. Numbers that are not
// finite, and the spread of a method that has none, are null.
Json scores_json(const TwinScores& scores, const AssimilationMethod& method);
Json curve_json(const TuningCurve& curve);

// What paired_difference() needs of a StateScores that scores_json() wrote. Throws InputError.
StateScores pairs_of(const Json& state, const std::string& file);

// One line a run: {"name", "config", "results"} each. The first line names the columns.
std::string csv_of(const std::vector<Json>& runs);
void print_table(const std::vector<Json>& runs);

}  // namespace papillon::apps
