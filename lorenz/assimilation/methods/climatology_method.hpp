// A baseline without assimilation: the mean of the climatology, independent of the observations.
#pragma once

#include <vector>

#include "papillon/lorenz/assimilation/method.hpp"

namespace papillon::inline assimilation {

// Background and analysis are the mean [D], with the climatological variances [D]. Its pooled nRMSE
// is 1 if the scale is the climatological standard deviation.
MethodPointer climatology_method(std::vector<double> mean, std::vector<double> variances);

}  // namespace papillon::inline assimilation
