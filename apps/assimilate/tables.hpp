// Tables of finished runs, for people and as CSV.
#pragma once

#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

// Of scores. For people, columns that no run has anything for are left out.
std::vector<Column<FinishedRun>> score_columns(std::span<const FinishedRun> runs);
// One line a run and start step.
std::string spread_csv(std::span<const FinishedRun> runs);

// To stdout: the table of all runs that have scores, and a table of each that measured spread.
void print_tables(std::span<const FinishedRun> runs);

}  // namespace papillon::apps
