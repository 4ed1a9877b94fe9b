// From options to an assimilation method.
#include <fmt/format.h>

#include <algorithm>

#include "papillon/apps/assimilate/world.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/diffusion/timesteps.hpp"
#include "papillon/lorenz/assimilation/methods/climatology_method.hpp"
#include "papillon/lorenz/assimilation/methods/enkf_n.hpp"
#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"
#include "papillon/lorenz/assimilation/methods/hybrid.hpp"
#include "papillon/lorenz/assimilation/methods/letkf.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"
#include "papillon/lorenz/assimilation/methods/stochastic_enkf.hpp"
#include "papillon/lorenz/assimilation/methods/three_d_var.hpp"
#include "papillon/lorenz/assimilation/sources/diffusion.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/sources/posterior.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

Tensor<double> static_covariance(const AssimilateOptions& o, const World& world) {
  const std::size_t d = world.model->dimension();
  if (o.covariance.empty())
    throw UsageError(fmt::format(
        "--covariance is needed with {} (climatology, a file, or {} numbers)", o.method, d * d));
  if (o.covariance.size() > 1) {
    if (o.covariance.size() != d * d)
      throw UsageError(
          fmt::format("--covariance: {} numbers; {} are needed", o.covariance.size(), d * d));
    Tensor<double> c(Shape{d, d});
    for (std::size_t i = 0; i < c.size(); ++i) {
      const auto value = parse_number(o.covariance[i]);
      if (!value)
        throw UsageError(fmt::format("--covariance: '{}' at ({}, {}) is no number or not finite",
                                     o.covariance[i], i / d, i % d));
      c[i] = *value;
    }
    try {
      return checked_covariance(std::move(c), "--covariance");
    } catch (const InputError& error) {
      throw UsageError(error.what());
    }
  }
  if (o.covariance[0] == "climatology") return world.climate.covariance;
  return read_covariance(o.covariance[0], d);
}

SourcePointer diffusion_ensembles(const AssimilateOptions& o, Inputs& inputs, std::size_t members) {
  DiffusionSourceOptions options;
  options.members = static_cast<int>(members);
  options.start_step = o.start_step;
  options.sampler = o.sampler_options();
  return diffusion_source(*inputs.model(o.model, o.state_dimension()), options);
}

SourcePointer posterior_ensembles(const AssimilateOptions& o, Inputs& inputs, std::size_t members) {
  require(o.library, "--library FILE");
  const auto model = inputs.model(o.model, o.state_dimension());
  const int t =
      last_steps(sampler_timesteps(model->schedule, o.sampler_options()), o.start_step).front();
  const Tensor<float>& all = *inputs.trajectories(o.library, o.state_dimension()).states;
  const std::size_t d = all.extent(-1), n = all.size() / d;
  const std::size_t count = o.library_states ? std::min(n, o.library_states) : n;
  Tensor<float> library(Shape{count, d});
  for (std::size_t i = 0; i < count; ++i)
    std::copy_n(all.data() + (i * n / count) * d, d, library.data() + i * d);
  return posterior_source(library, model->shift, model->scale, model->schedule, t,
                          {static_cast<int>(members), o.cutoff});
}

}  // namespace

SourcePointer make_source(const AssimilateOptions& o, const World& world, Inputs& inputs,
                          std::size_t members) {
  if (o.ensemble == "diffusion" || o.ensemble == "posterior") {
    require(o.model, "--model FILE");
    if (o.start_step > o.steps)
      throw UsageError(
          fmt::format("--start-step {} is more than --steps {}", o.start_step, o.steps));
    const int most = inputs.model(o.model, o.state_dimension())->schedule.steps();
    if (o.steps > most)
      throw UsageError(
          fmt::format("--steps {}: {} has {} diffusion steps", o.steps, o.model, most));
    return o.ensemble == "diffusion" ? diffusion_ensembles(o, inputs, members)
                                     : posterior_ensembles(o, inputs, members);
  }
  const Tensor<double> c = static_covariance(o, world);
  if (o.ensemble == "sigma-points") return sigma_point_source(c, o.deviation_inflation);
  return gaussian_source(c, members, o.deviation_inflation, o.ensemble == "diagonal");
}

MethodPointer make_method(const AssimilateOptions& o, const World& world, Inputs& inputs) {
  const auto covariance = [&] { return static_covariance(o, world); };
  const EtkfOptions transform{o.prior_variance_inflation, o.analysis_anomaly_inflation, o.rotate};
  if (o.method == "etkf") return etkf(o.members, transform);
  if (o.method == "letkf")
    return letkf(
        o.members,
        {o.prior_variance_inflation, o.analysis_anomaly_inflation, o.rotate, o.radius, {}});
  if (o.method == "enkf")
    return stochastic_enkf(o.members, {o.prior_variance_inflation, o.analysis_anomaly_inflation,
                                       !o.free_perturbations});
  if (o.method == "enkf-n") {
    EnkfNOptions options;
    options.uncertain_mean = !o.known_mean;
    options.gauge = o.gauge;
    options.mode_correction = !o.without_mode_correction;
    options.certainty = o.certainty;
    options.full_hessian = !o.partial_hessian;
    options.analysis_anomaly_inflation = o.analysis_anomaly_inflation;
    options.rotate = o.rotate;
    return enkf_n(o.members, options);
  }
  if (o.method == "enoi")
    return enoi(
        make_source(o, world, inputs, o.members),
        {o.prior_variance_inflation,
         o.innovation == "background" ? InnovationOf::background : InnovationOf::ensemble_mean});
  if (o.method == "hybrid")
    return hybrid_etkf(o.members, make_source(o, world, inputs, o.generated),
                       {transform, o.around_each_member});
  if (o.method == "oi")
    return optimal_interpolation(
        covariance(), o.deviation_inflation,
        o.first_guess == "climatology" ? world.climate.mean : std::vector<double>{});
  if (o.method == "3dvar") {
    ThreeDVarOptions options;
    if (o.outer_loops > 0) options.outer_loops = o.outer_loops;
    if (o.tolerance > 0) options.tolerance = o.tolerance;
    return three_d_var(covariance(), o.deviation_inflation, options);
  }
  if (o.method == "4dvar") {
    FourDVarOptions options;
    options.window = o.window;
    options.steps_per_cycle = o.interval;
    if (o.outer_loops > 0) options.outer_loops = o.outer_loops;
    options.inner_loops = o.inner_loops;
    if (o.tolerance > 0) options.outer_tolerance = o.tolerance;
    return four_d_var(world.model, covariance(), o.deviation_inflation, options);
  }
  std::vector<double> variances = world.climate.deviation;
  for (double& v : variances) v *= v;
  return climatology_method(world.climate.mean, std::move(variances));
}

}  // namespace papillon::apps
