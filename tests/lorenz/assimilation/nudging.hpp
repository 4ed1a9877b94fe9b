// A method with an option. docs/adding-a-method.md quotes this file.
#pragma once

#include "papillon/lorenz/assimilation/methods.hpp"

namespace papillon::inline assimilation {

struct NudgingOptions {
  double gain = 0.5;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("gain", self.gain, {"share of the innovation that is added", closed(0, 1)});
  }
};

inline MethodPointer make_nudging(const NudgingOptions& options, const MethodInputs&) {
  return make_method(
      {"nudging", "nudging gain " + std::to_string(options.gain), 1, Uncertainty::none},
      [gain = options.gain](AnalysisCase& one, Arena&) {
        const Observation& y = *one.observations;
        for (std::size_t k = 0; k < y.count(); ++k) {
          double& x = one.states[0][y.which()[k]];
          x += gain * (y.values()[k] - x);
        }
      });
}

}  // namespace papillon::inline assimilation
