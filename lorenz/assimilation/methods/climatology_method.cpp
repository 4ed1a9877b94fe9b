#include "papillon/lorenz/assimilation/methods/climatology_method.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace papillon::inline assimilation {

MethodPointer climatology_method(std::vector<double> mean, std::vector<double> variances) {
  if (mean.empty() || mean.size() != variances.size())
    throw ShapeError(
        fmt::format("climatology: there are {} means and {} variances; must be as many, and some",
                    mean.size(), variances.size()));
  MethodTraits traits{"climatology", fmt::format("climatology mean {} variance {}",
                                                 fmt::join(mean, " "), fmt::join(variances, " "))};
  traits.uncertainty = Uncertainty::gaussian;
  traits.dimension = mean.size();
  return make_method(std::move(traits), [mean, variances](AnalysisCase& analysis, Arena&) {
    std::copy(mean.begin(), mean.end(), analysis.states.data);
    for (const Rows& report : {analysis.report.background, analysis.report.analysis})
      if (report.data) std::copy(variances.begin(), variances.end(), report.data);
  });
}

}  // namespace papillon::inline assimilation
