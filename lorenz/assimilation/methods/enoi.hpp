// Ensemble optimal interpolation: a single run, and an ensemble generated in each analysis.
#pragma once

#include <array>

#include "papillon/lorenz/assimilation/method.hpp"
#include "papillon/lorenz/assimilation/sources.hpp"

namespace papillon::inline assimilation {

// The state with which observations are compared.
enum class InnovationOf {
  background,     // y - H(x_b)
  ensemble_mean,  // y - mean H(x_m): a generated ensemble need not be centred on its background
};
constexpr auto enum_names(InnovationOf) {
  return std::array{"background", "ensemble-mean"};
}

struct EnoiOptions {
  // The ensemble's covariance is multiplied with this, as EtkfOptions has it; the sources have an
  // inflation of the standard deviation of their own.
  double prior_variance_inflation = 1;
  InnovationOf innovation = InnovationOf::background;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("prior-variance-inflation", self.prior_variance_inflation,
          {"factor of the prior covariance inside the analysis", above(0, 1e9)});
    visit("innovation", self.innovation, {"what observations are compared with"});
  }
};

// Deterministic in the mean: x_a = x_b + the increment of the ETKF's mean with this ensemble
// (Evensen 2003, section 5; Finn et al. 2024, section 5.3). states: [1, D]; ensemble: [M, D], M >=
// 2. The report, if asked for, gets the ensemble as background and the transformed one as analysis,
// both moved to have x_b and x_a as their means.
void enoi_analysis(AnalysisCase& analysis, ConstRows ensemble, const EnoiOptions& options,
                   Arena& memory);

// Generates the ensembles of all trajectories at once where the source wants that.
MethodPointer enoi(SourcePointer source, const EnoiOptions& options = {});

struct EnoiSettings {
  EnoiOptions analysis{};
  SourceChoice source = source_choice();

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.analysis);
    visit(self.source);
  }
};

}  // namespace papillon::inline assimilation
