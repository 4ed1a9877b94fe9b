// Options that several methods and sources have in common.
#pragma once

#include <string>
#include <vector>

#include "papillon/lorenz/assimilation/method_inputs.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::inline assimilation {

// An ensemble of M members, and the options of the method that carries or generates it.
template <Options O>
struct WithMembers {
  std::size_t members = 12;
  O own{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("members", self.members,
          {"of the ensemble; with --ensemble posterior 2 to 4096", closed(1, 1'000'000)});
    visit(self.own);
  }
};

// A background covariance that does not change, B = deviation_inflation^2 C.
struct StaticCovariance {
  std::vector<std::string> values{};
  double deviation_inflation = 1;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("covariance", self.values,
          {"climatology, a matrix (.npy), a run's results.json (its background covariance), or "
           "numbers",
           {},
           Role::input});
    visit("deviation-inflation", self.deviation_inflation,
          {"factor of the standard deviations of a static covariance", above(0, 1e9)});
  }
  // C. Throws ArgumentError if there is none.
  Tensor<double> read(const MethodInputs& inputs) const;
};

// The same, and the options of the method that uses it.
template <Options O>
struct WithCovariance {
  StaticCovariance background{};
  O own{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.background);
    visit(self.own);
  }
};

}  // namespace papillon::inline assimilation
