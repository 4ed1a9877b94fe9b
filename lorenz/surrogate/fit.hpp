// Fits a linear readout on features by streaming ridge regression, with lambda given or validated.
#pragma once

#include <functional>
#include <vector>

#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/lorenz/surrogate/pairs.hpp"
#include "papillon/lorenz/surrogate/ridge.hpp"

namespace papillon::inline surrogate {

// Told how many pairs are done, now and then; may throw to stop.
using PairProgress = std::function<void(std::uint64_t done)>;

// One pass over the pairs, then one decomposition. Throws what StreamingRidge throws.
RidgeSystem ridge_system(const Features& features, const TrainingPairs& pairs,
                         const PairProgress& progress = {});

// Mean squared errors over the pairs and components, in normalised units, one for each fit: the
// features are computed once for all of them.
std::vector<double> prediction_errors(const Features& features, const std::vector<RidgeFit>& fits,
                                      const TrainingPairs& pairs);

struct LambdaSearch {
  std::vector<double> lambdas, errors;  // per sample, ascending; mean squared error on validation
  RidgeFit best;                        // the fit with the smallest error
};

// From 1e-14 to 1, two in a decade.
std::vector<double> lambda_range();

// The lambda of the smallest error on validation pairs. Those that the system cannot be solved for
// are passed over; throws NumericalError if that is all of them.
LambdaSearch search_lambda(const RidgeSystem& system, const Features& features,
                           const TrainingPairs& validation,
                           const std::vector<double>& lambdas = lambda_range());

}  // namespace papillon::inline surrogate
