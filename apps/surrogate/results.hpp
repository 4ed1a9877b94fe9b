// What comes out of a comparison: means over seeds, tables and figures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "papillon/apps/command.hpp"

namespace papillon::apps {

// One entry of the results from the same model with several seeds: means, and for nrmse,
// valid_time, hellinger and lyapunov the standard deviation over the seeds as <name>_spread (null
// for one seed).
Json over_seeds(const std::vector<Json>& runs);

// Leads that tables show, of those there are: 1, 10, 30, 100.
std::vector<std::size_t> table_leads(const Json& entry);

// The paper's claim, read off by a rule: geometric means over leads 1, 10 and 30 of the ratios of
// nRMSE. "about as well": at most 1.25 times the best network from scratch that has two layers or
// more; "far better": at most a tenth of the untrained network with the same lambda. An array, one
// entry for each of the models on trained features; empty where there is nothing to compare.
Json verdicts(const Json& results);

void print_table(const Json& results);
// DIR/table.csv (a row a model), DIR/leads.csv (a row a model and lead), DIR/table.md, and
// DIR/nrmse.svg and .png. Throws OutputError.
void write_tables(const std::filesystem::path& directory, const Json& results);
void draw_leads(const std::filesystem::path& stem, const Json& results);

// A scaling: entries have "values" and, one for each of them, arrays as above.
void print_scaling(const std::string& axis, const Json& results);
void write_scaling(const std::filesystem::path& directory, const std::string& axis,
                   const Json& results);
void draw_scaling(const std::filesystem::path& stem, const std::string& axis, const Json& results);

}  // namespace papillon::apps
