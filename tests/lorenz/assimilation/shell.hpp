// A source of ensembles with an option. docs/adding-a-source.md quotes this file.
#pragma once

#include "papillon/lorenz/assimilation/sources.hpp"

namespace papillon::inline assimilation {

struct ShellOptions {
  double distance = 1;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("distance", self.distance, {"of the members from the state", above(0, 1e9)});
  }
};

// The state moved by +-distance along each axis.
class Shell final : public EnsembleSource {
 public:
  Shell(std::size_t dimension, double distance) : distance_(distance) {
    traits_ = {"shell " + std::to_string(distance), dimension, 2 * dimension, false};
  }

 private:
  void fill(const Tensor<double>& states, std::span<const RandomAddress>,
            Tensor<double>& ensembles) const override {
    const std::size_t n = states.extent(0), m = members(), d = dimension();
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t k = 0; k < m; ++k)
        for (std::size_t i = 0; i < d; ++i)
          ensembles[(r * m + k) * d + i] =
              states(r, i) + (i == k / 2 ? (k % 2 ? -distance_ : distance_) : 0);
  }

  double distance_;
};

inline SourcePointer make_shell(const ShellOptions& options, const MethodInputs& inputs) {
  return std::make_shared<Shell>(inputs.dimension(), options.distance);
}

}  // namespace papillon::inline assimilation
