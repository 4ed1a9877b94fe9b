// The figures of `papillon assimilate`, drawn by gnuplot.
#pragma once

#include <filesystem>

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/options.hpp"

namespace papillon::apps {

// Throws UsageError unless one of the runs has something to draw: a --series, or --spread.
void require_drawable(const std::vector<ParsedRun>& runs);

// Those that the runs have data for, as .png and .svg:
//   STEM-interval   scores over the observation interval, a line for each --series
//   STEM-spread     spread and Gaussianity over the start step
//   STEM-ensembles  a state on the attractor (Lorenz-63) and ensembles generated around it
// done: {"name", "config", "results"} of each run.
void draw_comparison(const std::string& stem, const std::vector<Json>& done,
                     const std::vector<ParsedRun>& runs, Inputs& inputs);

}  // namespace papillon::apps
