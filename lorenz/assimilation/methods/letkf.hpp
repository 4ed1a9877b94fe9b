// The local ensemble transform Kalman filter.
#pragma once

#include "papillon/lorenz/assimilation/localisation.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"

namespace papillon::inline assimilation {

struct LetkfOptions {
  double prior_variance_inflation = 1;    // as in EtkfOptions
  double analysis_anomaly_inflation = 1;  // as in EtkfOptions
  // As in EtkfOptions; one rotation for all places, and so only where observations reach all: to
  // turn some and not others would cut the covariances between them.
  bool rotate = false;
  // Half the distance from which on observations are not seen: the c of gaspari_cohn(). Infinity:
  // no localisation.
  double radius = 4;
  // Empty: component i of the state is at place i of a ring of D, and so is its observation.
  ObservationDistance distance{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    EtkfOptions::options(self, visit);
    visit("radius", self.radius, {"half of the distance where the taper is zero", above(0, 1e300)});
  }
};

// An ETKF for each component, with the observations' R^-1 multiplied by the taper of their distance
// (Hunt et al. 2007, section 2.3 and 3): R must be diagonal. Inflation makes up for what an
// analysis takes from the spread, and so fades with the observations: at each component both
// factors are 1 + t (factor - 1), t the taper of the nearest observation. A component that none
// reaches keeps its values, to the last bit, as all do in a cycle without observations. states: [M,
// D], M >= 2.
void letkf_analysis(AnalysisCase& analysis, const LetkfOptions& options, Arena& memory);

// Its check() throws ArgumentError for correlated errors, and for observations that are no
// components of the state where no distance is given.
MethodPointer letkf(std::size_t members, const LetkfOptions& options = {});

}  // namespace papillon::inline assimilation
