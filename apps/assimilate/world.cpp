#include "papillon/apps/assimilate/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/assimilate/surrogate_forecast.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/states/twin_file.hpp"
#include "papillon/lorenz/dynamics/lorenz63.hpp"
#include "papillon/lorenz/dynamics/lorenz96.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr std::size_t pool_of_a_file = 65536;

Tensor<double> evenly_spaced(const Tensor<float>& states, std::size_t most) {
  const std::size_t d = states.extent(-1), n = states.size() / d, count = std::min(n, most);
  Tensor<double> some(Shape{count, d});
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < d; ++j)
      some[i * d + j] = static_cast<double>(states[(i * n / count) * d + j]);
  return some;
}

// 256 trajectories, each at 16 times one unit of time apart.
Tensor<double> integrated_pool(const ForecastModel& model, const AssimilateOptions& o,
                               const RandomAddress& random) {
  constexpr std::size_t trajectories = 256, times = 16;
  const std::size_t d = model.dimension();
  const auto apart = static_cast<std::size_t>(std::max(1.0, std::round(1 / o.time_step())));
  Tensor<double> states =
      spun_up_states(model, trajectories, o.spin_up, random.stream(Purpose::climate_states));
  Tensor<double> pool(Shape{times * trajectories, d});
  for (std::size_t t = 0; t < times; ++t) {
    if (t > 0) model.advance(rows_of(states), apart);
    std::copy_n(states.data(), states.size(), pool.data() + t * states.size());
  }
  return pool;
}

Climate make_climate(const AssimilateOptions& o, const ForecastModel& model, Inputs& inputs,
                     const RandomAddress& random) {
  const std::string& file = o.climate.empty() ? o.truth : o.climate;
  Climate climate;
  const auto take = [&](const Climatology& c) {
    climate.mean = c.mean();
    climate.deviation = c.standard_deviation();
    climate.covariance = c.covariance();
  };
  if (file.empty()) {
    climate.pool = std::make_shared<const Tensor<double>>(integrated_pool(model, o, random));
    take(climatology(*climate.pool));
  } else {
    const Trajectories& t = inputs.trajectories(file, model.dimension());
    if (t.climate.count() < 2) throw InputError(fmt::format("{}: has only one state", file));
    climate.pool = std::make_shared<const Tensor<double>>(evenly_spaced(*t.states, pool_of_a_file));
    take(t.climate);
  }
  for (const double deviation : climate.deviation)
    if (!(deviation > 0))
      throw InputError(
          fmt::format("{}: a component does not vary", file.empty() ? "integrated states" : file));
  return climate;
}

std::vector<double> as_many(std::vector<double> values, std::size_t n, const char* option) {
  if (values.size() == 1) values.resize(n, values[0]);
  if (values.size() != n)
    throw UsageError(fmt::format("{}: {} numbers; 1 or {} are needed", option, values.size(), n));
  return values;
}

ModelNoise noise(const std::vector<double>& deviations, const std::string& covariance,
                 const char* option, const AssimilateOptions& o) {
  const std::size_t d = o.state_dimension(), every = o.noise_every ? o.noise_every : o.interval;
  if (!deviations.empty() && !covariance.empty())
    throw UsageError(fmt::format("{0} and {0}-covariance exclude each other", option));
  if (!covariance.empty()) return covariance_noise(read_covariance(covariance, d), every);
  if (deviations.empty()) return {};
  return deviation_noise(as_many(deviations, d, option), every);
}

Truth make_truth(const AssimilateOptions& o, const World& world, Inputs& inputs,
                 const RandomAddress& random) {
  if (o.truth.empty()) {
    const std::size_t k = o.trajectories ? o.trajectories : 16;
    return Truth(IntegratedTruth{
        world.system,
        spun_up_states(*world.system, k, o.spin_up, random.stream(Purpose::truth_states)),
        noise(o.truth_noise, o.truth_noise_covariance, "--truth-noise", o)});
  }
  if (!o.truth_noise.empty() || !o.truth_noise_covariance.empty())
    throw UsageError("--truth-noise is for integrated truths, without --truth");
  const Trajectories& given = inputs.trajectories(o.truth, world.model->dimension());
  if (given.states->extent(1) < 2)
    throw InputError(
        fmt::format("{}: {} trajectories of one time; a truth is [trajectories, time, components]",
                    o.truth, given.states->extent(0)));
  std::size_t every = o.truth_every;
  if (every == 0) {
    const double steps = given.dt > 0 ? given.dt / o.time_step() : 1;
    every = static_cast<std::size_t>(std::max(1.0, std::round(steps)));
    if (std::abs(steps - static_cast<double>(every)) > 1e-6 * steps)
      throw InputError(fmt::format("{}: states are {} apart, which is no multiple of --dt {}",
                                   o.truth, given.dt, o.time_step()));
  }
  return Truth(GivenTruth{given.states, every, o.first_time, o.first_trajectory});
}

// The pool, or for --initial-deviation ensembles [K, M, D] around the first true states.
std::shared_ptr<const Tensor<double>> initial_states(const AssimilateOptions& o, const World& world,
                                                     Inputs& inputs, std::size_t members,
                                                     const RandomAddress& random) {
  if (o.initial_deviation == 0) return world.climate.pool;
  const std::size_t d = world.model->dimension();
  Tensor<double> centres;
  if (o.truth.empty()) {
    centres = spun_up_states(*world.system, o.trajectories ? o.trajectories : 16, o.spin_up,
                             random.stream(Purpose::truth_states));
  } else {
    const Tensor<float>& given = *inputs.trajectories(o.truth, d).states;
    const std::size_t k = o.trajectories ? o.trajectories : given.extent(0) - o.first_trajectory;
    centres = Tensor<double>(Shape{k, d});
    for (std::size_t r = 0; r < k; ++r)
      for (std::size_t i = 0; i < d; ++i)
        centres[r * d + i] = static_cast<double>(
            given[((o.first_trajectory + r) * given.extent(1) + o.first_time) * d + i]);
  }
  const std::size_t k = centres.extent(0);
  Tensor<double> states(Shape{k, members, d});
  for (std::size_t r = 0; r < k; ++r) {
    const std::span<double> one = states.span().subspan(r * members * d, members * d);
    RandomAddress address = random;
    address.trajectory = r;
    address.normal(Purpose::initial_perturbations, one);
    for (std::size_t i = 0; i < one.size(); ++i)
      one[i] = centres[r * d + i % d] + o.initial_deviation * one[i];
  }
  return std::make_shared<const Tensor<double>>(std::move(states));
}

}  // namespace

ModelPointer system_model(const AssimilateOptions& o) {
  const Scheme& scheme = scheme_named(o.scheme);
  const Precision precision = o.precision == "float" ? Precision::float32 : Precision::float64;
  if (o.system == "lorenz96")
    return forecast_model(Lorenz96{o.dimension, o.forcing}, scheme, o.time_step(), precision);
  if (o.parameters.empty()) return forecast_model(Lorenz63{}, scheme, o.time_step(), precision);
  if (o.parameters.size() != 3)
    throw UsageError("--parameters: sigma, rho and beta of lorenz63 are three numbers");
  return forecast_model(Lorenz63{o.parameters[0], o.parameters[1], o.parameters[2]}, scheme,
                        o.time_step(), precision);
}

void check_memory(const AssimilateOptions& o) {
  // The climate's states and their covariance, each in a few copies, and ensembles.
  const auto d = static_cast<double>(o.state_dimension()), m = static_cast<double>(o.members),
             k = static_cast<double>(o.trajectories ? o.trajectories : 16);
  require_memory(
      8 * d * (4 * 4096.0 + 6 * d + 4 * k * m),
      fmt::format("an experiment with {} components, {} members and {} trajectories", d, m, k),
      "take fewer");
}

World make_world(const AssimilateOptions& o, Inputs& inputs, const RandomAddress& random) {
  World world;
  world.system = system_model(o);
  world.model = o.surrogate.empty()
                    ? world.system
                    : surrogate_forecast(inputs.surrogate(o.surrogate, o.state_dimension()),
                                         o.time_step(), o.surrogate);
  world.climate = make_climate(o, *world.system, inputs, random);
  world.scale = o.scale.empty() ? world.climate.deviation
                                : as_many(o.scale, world.model->dimension(), "--scale");
  return world;
}

ObservationModel observation_model(const AssimilateOptions& o) {
  const std::size_t d = o.state_dimension();
  const Pointwise then = parse_enum<Pointwise>(o.pointwise, "observation function");
  if (!o.matrix.empty() && !o.observe.empty())
    throw UsageError("--observe and --operator exclude each other");
  ObservationOperator h = !o.matrix.empty()
                              ? ObservationOperator::linear(read_matrix(o.matrix, 0, d), then)
                          : !o.observe.empty() ? ObservationOperator::components(d, o.observe, then)
                                               : ObservationOperator::all(d, then);
  const std::size_t p = h.observations();
  if (!o.observation_covariance.empty())
    return {std::move(h), read_covariance(o.observation_covariance, p)};
  return {std::move(h), as_many(o.observation_deviation, p, "--observation-deviation")};
}

TwinSetup make_setup(const AssimilateOptions& o, const World& world, Inputs& inputs,
                     std::size_t members, const RandomAddress& random) {
  ObservationModel observed = observation_model(o);
  std::optional<Tensor<double>> given;
  if (!o.observations.empty()) given = read_observations(o.observations, observed.observations());
  return {world.model,
          noise(o.forecast_noise, o.forecast_noise_covariance, "--forecast-noise", o),
          make_truth(o, world, inputs, random),
          {std::move(observed), std::move(given)},
          initial_states(o, world, inputs, members, random)};
}

TwinOptions twin_options(const AssimilateOptions& o, const World& world,
                         const RandomAddress& random) {
  TwinOptions t;
  t.trajectories = o.trajectories;
  t.burn_in = o.burn_in;
  t.cycles = o.cycles;
  t.steps_per_cycle = o.interval;
  t.seed = random.seed;
  t.experiment = random.experiment;
  t.scale = world.scale;
  t.along_window_every = o.along_window_every;
  t.crps = !o.without_crps;
  t.batches = o.batches;
  t.divergence_limit = o.divergence_limit;
  t.go_on_without_failed = o.go_on;
  return t;
}

Twin make_twin(const AssimilateOptions& o, Inputs& inputs, const RandomAddress& random) {
  World world = make_world(o, inputs, random);
  MethodPointer method = make_method(o, world, inputs);
  TwinExperiment experiment(make_setup(o, world, inputs, method->members(), random), method,
                            twin_options(o, world, random));
  return {std::move(world), std::move(method), std::move(experiment)};
}

}  // namespace papillon::apps
