// Search for the best value of one parameter, on training trajectories and never on the test's.
#pragma once

#include <functional>
#include <vector>

#include "papillon/lorenz/assimilation/scores.hpp"

namespace papillon::inline assimilation {

struct TuningPoint {
  double parameter;
  Estimate score;  // infinite where the experiment failed
};

struct TuningCurve {
  std::vector<TuningPoint> points;  // by parameter, ascending
  double best = 0;                  // the parameter with the lowest score
  bool at_an_end = false;  // the best is the smallest or largest that was tried: search further
};

// The score of an experiment with that parameter; an AssimilationError that it throws counts as an
// infinite score. Keep the seed: with common random numbers the curve is smooth.
using TuningObjective = std::function<Estimate(double parameter)>;

// Throws ArgumentError for an empty grid, NumericalError if every experiment failed.
TuningCurve grid_search(const TuningObjective& objective, std::vector<double> grid);

// Kiefer's search for the minimum of a function that first falls and then rises, on [low, high], to
// within tolerance; each point costs one experiment and narrows the interval to 0.618 of it. Throws
// ArgumentError unless low < high and tolerance > 0, and NumericalError as above.
TuningCurve golden_section(const TuningObjective& objective, double low, double high,
                           double tolerance);

}  // namespace papillon::inline assimilation
