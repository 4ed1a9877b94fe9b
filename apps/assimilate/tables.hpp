// Tables of finished runs, for people and as CSV.
#pragma once

#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

std::vector<Column<FinishedRun>> score_columns();
// One line a run and start step.
std::string spread_csv(std::span<const FinishedRun> runs);

// To stdout: the table of all runs that have scores, and a table of each that measured spread.
void print_tables(std::span<const FinishedRun> runs);

}  // namespace papillon::apps
