// Numerical derivatives with error bars: central differences, extrapolated to a step of zero.
#pragma once

#include <functional>
#include <vector>

namespace papillon {

struct NumericDerivative {
  double value = 0;      // d f / d h at h = 0
  double error_bar = 0;  // |value - truth| is below this (infinity: nothing can be said)
  double nearby = 0;     // the largest slope from here to the ends of the first step
  double jump = 0;       // the slope on the right minus the slope on the left
  bool kink = false;     // whether that jump is real: f has no derivative here
};

// The derivatives at h = 0 of all components of curve(h), which returns the same number of
// components each time. Steps start near first_step and are halved until rounding noise (which is
// measured, not assumed) swamps what a smaller step could gain; each component picks its own best
// step and order of extrapolation. Values that are not finite are stepped over.
std::vector<NumericDerivative> numeric_derivative(
    const std::function<std::vector<double>(double)>& curve, double first_step);

}  // namespace papillon
