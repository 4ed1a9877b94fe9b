// The continuous ranked probability score, and the rank of the truth in an ensemble.
#pragma once

#include <span>

namespace papillon::inline assimilation {

// mean |x_m - y| - 1/2 mean |x_m - x_n| over all pairs, of the step function that the members make
// (Hersbach 2000; Gneiting and Raftery 2007, eq. 21). Sorts the members in place.
double crps_ensemble(std::span<double> members, double truth);

// Of N(mean, deviation^2) (Gneiting et al. 2005, eq. 5); |mean - truth| where the deviation is 0.
double crps_gaussian(double mean, double deviation, double truth);

// The number of members below the truth, 0 ... M. Ties count half, rounded down.
std::size_t rank_of_truth(std::span<const double> members, double truth);

}  // namespace papillon::inline assimilation
