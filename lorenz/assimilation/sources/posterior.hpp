// Ensembles from the exact denoising posterior: a control that separates errors of the network from
// errors of the method.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "papillon/diffusion/schedule.hpp"
#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/sources/diffusion.hpp"

namespace papillon::inline assimilation {

struct PosteriorSourceOptions {
  int members = 50;
  // Library states farther than so many standard deviations sigma / alpha from the noised state are
  // left out: each has less than exp(-cutoff^2 / 2) of the weight of one at the noised state. Where
  // none is nearer, the cutoff doubles until there is one.
  double cutoff = 6;
};

// For a background x (normalised with shift and scale): z = alpha_t x + sigma_t e, and then a state
// x_i of the library drawn with probability proportional to exp(-|z - alpha_t x_i|^2 / (2
// sigma_t^2)), for each member anew. That is what ancestral sampling from step t gives in the limit
// of many steps and a perfect network, if the library is the data distribution. Draws are exact (by
// rejection from a bound over the leaves of a k-d tree) but for the cutoff. library: [n, D] in
// physical units, 1 <= t <= T. Throws ShapeError, ArgumentError.
SourcePointer posterior_source(const Tensor<float>& library, std::vector<double> shift,
                               std::vector<double> scale, const NoiseSchedule& schedule, int t,
                               const PosteriorSourceOptions& options = {});

// The library, and the reverse process whose start step gives t.
struct LibraryOptions {
  LibraryOptions();  // not inline, as that of DenoisingOptions

  ReverseProcessOptions process{};
  std::string sampler = "ddpm", library{};
  std::optional<std::size_t> library_states{};
  double cutoff = PosteriorSourceOptions{}.cutoff;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit(self.process);
    visit("sampler", self.sampler,
          {"whose timesteps they are", {}, {}, {"ddpm", "ddim", "dpm2m", "dpm3m", "heun"}});
    visit("library", self.library, {"long trajectory that posterior draws from", {}, Role::input});
    visit("library-states", self.library_states,
          {"of them, evenly spaced (default: all)", closed(1, max_count)});
    visit("cutoff", self.cutoff, {"of posterior, in standard deviations", closed(1, 100)});
  }
};
SourcePointer make_posterior_source(const WithMembers<LibraryOptions>& options,
                                    const MethodInputs& inputs);

}  // namespace papillon::inline assimilation
