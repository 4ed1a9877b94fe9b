// Coordinates of NetCDF files: times and cycles.
#pragma once

#include <string>

#include "papillon/apps/states/netcdf_file.hpp"

namespace papillon::apps {

// The step of the variable `time`, from the whole axis: (last - first) / (n - 1), and of the
// numbers that the axis cannot tell from it the one with the fewest digits. 0: there is no such
// variable, or a single time. Units and calendar are not looked at.
//
// Throws InputError, with the index, unless the times are over this dimension alone, not missing,
// increasing and even: no two neighbours are further from the median step than twice the spacing of
// the largest time in its stored type, so neither rounding (float32 at 1,000: 6e-5) nor a sum of
// steps in that type, whose errors add up over the axis but not from one time to the next, is taken
// for a gap.
double time_step(const NetcdfFile& file, const std::string& dimension);

// Throws InputError if there is a variable `cycle` that is not 0, 1, 2, ... over this dimension.
void require_all_cycles(const NetcdfFile& file, const std::string& dimension);

}  // namespace papillon::apps
