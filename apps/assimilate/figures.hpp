// The figures of `papillon assimilate`, drawn by gnuplot.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/result.hpp"

namespace papillon::apps {

// Throws UsageError unless one of the runs has something to draw: a --series, or --spread.
void require_drawable(std::span<const AssimilationRun> runs);

// Those that the runs have data for, as .png and .svg:
//   STEM-interval   scores over the observation interval, a line for each --series
//   STEM-spread     spread and Gaussianity over the start step
//   STEM-ensembles  a state on the attractor (Lorenz-63) and ensembles generated around it
// runs: all of the experiment; finished: those that have results.
void draw_comparison(const std::string& stem, std::span<const FinishedRun> finished,
                     std::span<const AssimilationRun> runs, InputFiles& files);

}  // namespace papillon::apps
