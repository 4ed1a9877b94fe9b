#include "papillon/lorenz/assimilation/sources.hpp"

#include <fmt/format.h>

#include "papillon/lorenz/assimilation/sources/diffusion.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/sources/posterior.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::inline assimilation {

Tensor<double> StaticCovariance::read(const MethodInputs& inputs) const {
  const std::size_t d = inputs.dimension();
  if (values.empty())
    throw ArgumentError(
        fmt::format("--covariance is missing; must be climatology, a file, or {} numbers", d * d));
  return inputs.covariance(values);
}

const SourceRegistry& sources() {
  static const SourceRegistry registry = [] {
    SourceRegistry all;
    const auto gaussian = [](bool diagonal) {
      return [diagonal](const WithMembers<StaticCovariance>& o, const MethodInputs& inputs) {
        return gaussian_source(o.own.read(inputs), o.members, o.own.deviation_inflation, diagonal);
      };
    };
    all.add<WithMembers<StaticCovariance>>("static", gaussian(false));
    all.add<WithMembers<StaticCovariance>>("diagonal", gaussian(true));
    all.add<StaticCovariance>("sigma-points",
                              [](const StaticCovariance& o, const MethodInputs& inputs) {
                                return sigma_point_source(o.read(inputs), o.deviation_inflation);
                              });
    all.add<WithMembers<DenoisingOptions>>("diffusion", make_diffusion_source);
    all.add<WithMembers<LibraryOptions>>("posterior", make_posterior_source);
    return all;
  }();
  return registry;
}

SourceChoice source_choice(const SourceRegistry& registry) {
  return {registry, "ensemble", "what members are generated from", registry.entries()[0].name};
}

}  // namespace papillon::inline assimilation
