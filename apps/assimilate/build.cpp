#include "papillon/apps/assimilate/build.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/assimilate/surrogate_forecast.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr std::size_t pool_of_a_file = 65536, integrated_truths = 16;

Tensor<double> evenly_spaced(const Tensor<float>& states, std::size_t most) {
  const std::size_t d = states.extent(-1), n = states.size() / d, count = std::min(n, most);
  Tensor<double> some(Shape{count, d});
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < d; ++j)
      some[i * d + j] = static_cast<double>(states[(i * n / count) * d + j]);
  return some;
}

// 256 trajectories, each at 16 times one unit of time apart.
Tensor<double> integrated_pool(const ForecastModel& model, double dt, std::size_t spin_up,
                               const RandomAddress& random) {
  constexpr std::size_t trajectories = 256, times = 16;
  const std::size_t d = model.dimension();
  const auto apart = static_cast<std::size_t>(std::max(1.0, std::round(1 / dt)));
  Tensor<double> states =
      spun_up_states(model, trajectories, spin_up, random.stream(Purpose::climate_states));
  Tensor<double> pool(Shape{times * trajectories, d});
  for (std::size_t t = 0; t < times; ++t) {
    if (t > 0) model.advance(rows_of(states), apart);
    std::copy_n(states.data(), states.size(), pool.data() + t * states.size());
  }
  return pool;
}

Climate climate_of(const Climatology& climatology, Tensor<double> states,
                   const std::string& origin) {
  Climate climate{climatology.mean(), climatology.standard_deviation(), climatology.covariance(),
                  std::make_shared<const Tensor<double>>(std::move(states))};
  for (const double deviation : climate.deviation)
    if (!(deviation > 0)) throw InputError(fmt::format("{}: a component does not vary", origin));
  return climate;
}

Climate build_climate(const AssimilateOptions& o, const ExperimentInputs& inputs,
                      const ForecastModel& model, double dt, const RandomAddress& random) {
  if (inputs.climate == nullptr) {
    Tensor<double> states = integrated_pool(model, dt, o.truth.spin_up, random);
    const Climatology moments = climatology(states);
    return climate_of(moments, std::move(states), "integrated states");
  }
  const std::string& file = o.truth.climate.empty() ? o.truth.file : o.truth.climate;
  const Trajectories& t = *inputs.climate;
  if (t.climate.count() < 2) throw InputError(fmt::format("{}: has only one state", file));
  return climate_of(t.climate, evenly_spaced(*t.states, pool_of_a_file), file);
}

std::vector<double> as_many(std::vector<double> values, std::size_t n, const char* option) {
  if (values.size() == 1) values.resize(n, values[0]);
  if (values.size() != n)
    throw UsageError(fmt::format("{}: {} numbers; must be 1 or {}", option, values.size(), n));
  return values;
}

ModelNoise noise(const std::vector<double>& deviations, const Tensor<double>& covariance,
                 const char* option, std::size_t dimension, std::size_t every) {
  if (!deviations.empty() && !covariance.empty())
    throw UsageError(fmt::format("{0} and {0}-covariance exclude each other", option));
  if (!covariance.empty()) return covariance_noise(covariance, every);
  if (deviations.empty()) return {};
  return deviation_noise(as_many(deviations, dimension, option), every);
}

std::size_t noise_every(const AssimilateOptions& o) {
  return o.forecast.noise_every.value_or(o.observations.interval);
}

// The first states of integrated truths.
Tensor<double> first_truths(const AssimilateOptions& o, const Dynamics& dynamics,
                            const RandomAddress& random) {
  return spun_up_states(*dynamics.system, o.truth.trajectories.value_or(integrated_truths),
                        o.truth.spin_up, random.stream(Purpose::truth_states));
}

Truth build_truth(const AssimilateOptions& o, const ExperimentInputs& inputs,
                  const Dynamics& dynamics, const RandomAddress& random) {
  const std::string& file = o.truth.file;
  if (file.empty())
    return Truth(IntegratedTruth{dynamics.system, first_truths(o, dynamics, random),
                                 noise(o.forecast.truth_noise, inputs.truth_noise, "--truth-noise",
                                       inputs.dimension, noise_every(o))});
  if (!o.forecast.truth_noise.empty() || !inputs.truth_noise.empty())
    throw UsageError("--truth-noise is for integrated truths, without --truth");
  const Trajectories& t = *inputs.truth;
  if (t.states->extent(1) < 2)
    throw InputError(
        fmt::format("{}: {} trajectories of one time; must be [trajectories, time, components]",
                    file, t.states->extent(0)));
  const double steps = t.dt > 0 ? t.dt / dynamics.dt : 1;
  const auto every = static_cast<std::size_t>(std::max(1.0, std::round(steps)));
  if (!o.truth.every && std::abs(steps - static_cast<double>(every)) > 1e-6 * steps)
    throw InputError(fmt::format("{}: states are {} apart, which is no multiple of --dt {}", file,
                                 t.dt, dynamics.dt));
  return Truth(GivenTruth{t.states, o.truth.every.value_or(every), o.truth.first_time,
                          o.truth.first_trajectory});
}

// The states at which the truths of the experiment begin, [K, D].
Tensor<double> true_states(const AssimilateOptions& o, const ExperimentInputs& inputs,
                           const Dynamics& dynamics, const RandomAddress& random) {
  if (inputs.truth == nullptr) return first_truths(o, dynamics, random);
  const Tensor<float>& all = *inputs.truth->states;
  const std::size_t d = inputs.dimension, first = o.truth.first_trajectory,
                    k = o.truth.trajectories.value_or(all.extent(0) - first);
  Tensor<double> states(Shape{k, d});
  for (std::size_t r = 0; r < k; ++r)
    for (std::size_t i = 0; i < d; ++i)
      states[r * d + i] =
          static_cast<double>(all[((first + r) * all.extent(1) + o.truth.first_time) * d + i]);
  return states;
}

// States of the climate, or with --initial-deviation ensembles [K, M, D] around the first truths.
std::shared_ptr<const Tensor<double>> initial_states(const AssimilateOptions& o,
                                                     const ExperimentInputs& inputs,
                                                     const Dynamics& dynamics, std::size_t members,
                                                     const RandomAddress& random) {
  if (!o.truth.initial_deviation) return dynamics.climate.states;
  const Tensor<double> centres = true_states(o, inputs, dynamics, random);
  const std::size_t k = centres.extent(0), d = inputs.dimension;
  Tensor<double> states(Shape{k, members, d});
  for (std::size_t r = 0; r < k; ++r) {
    const std::span<double> ensemble = states.span().subspan(r * members * d, members * d);
    RandomAddress address = random;
    address.trajectory = r;
    address.normal(Purpose::initial_perturbations, ensemble);
    for (std::size_t i = 0; i < ensemble.size(); ++i)
      ensemble[i] = centres[r * d + i % d] + *o.truth.initial_deviation * ensemble[i];
  }
  return std::make_shared<const Tensor<double>>(std::move(states));
}

ObservationModel observation_model(const ObservationOptions& o, const ExperimentInputs& inputs) {
  const std::size_t d = inputs.dimension;
  if (!o.matrix.empty() && !o.observe.empty())
    throw UsageError("--observe and --operator exclude each other");
  ObservationOperator h =
      !o.matrix.empty()    ? ObservationOperator::linear(inputs.matrix, o.pointwise)
      : !o.observe.empty() ? ObservationOperator::components(d, o.observe, o.pointwise)
                           : ObservationOperator::all(d, o.pointwise);
  const std::size_t p = h.observations();
  if (!o.covariance.empty()) return {std::move(h), inputs.observation_covariance};
  return {std::move(h), as_many(o.deviation, p, "--observation-deviation")};
}

TwinOptions twin_options(const AssimilateOptions& o, const Dynamics& dynamics,
                         const RandomAddress& random) {
  TwinOptions t;
  t.trajectories = o.truth.trajectories.value_or(0);
  t.burn_in = o.run.burn_in;
  t.cycles = o.run.cycles;
  t.steps_per_cycle = o.observations.interval;
  t.seed = random.seed;
  t.experiment = random.experiment;
  t.scale = dynamics.scale;
  t.along_window_every = o.run.along_window_every.value_or(0);
  t.crps = !o.run.without_crps;
  t.batches = o.run.batches;
  t.divergence_limit = o.run.divergence_limit;
  t.go_on_without_failed = o.run.go_on;
  return t;
}

}  // namespace

Tensor<double> ProgramMethodInputs::covariance(const std::vector<std::string>& values) const {
  if (values.size() == 1 && values[0] == "climatology") return climate().covariance;
  return covariance_of(values, dimension());
}

std::shared_ptr<const DiffusionModel> ProgramMethodInputs::diffusion_model(
    const std::string& file) const {
  return files_.model(file, dimension());
}

std::shared_ptr<const Tensor<float>> ProgramMethodInputs::states(const std::string& file) const {
  return files_.trajectories(file, dimension()).states;
}

Dynamics build_dynamics(const AssimilateOptions& o, const ExperimentInputs& inputs,
                        const RandomAddress& random) {
  const NamedSystem system = o.dynamics.system.make();
  const double dt = o.dynamics.dt.value_or(system.dt);
  const ModelPointer model =
      forecast_model(system.system, scheme_named(o.dynamics.scheme), dt, o.dynamics.precision);
  Dynamics dynamics{model, model, dt, {}, {}};
  if (inputs.surrogate)
    dynamics.forecast = surrogate_forecast(inputs.surrogate, dt, o.forecast.surrogate);
  dynamics.climate = build_climate(o, inputs, *model, dt, random);
  dynamics.scale = o.truth.scale.empty() ? dynamics.climate.deviation
                                         : as_many(o.truth.scale, inputs.dimension, "--scale");
  return dynamics;
}

Twin build_twin(const AssimilateOptions& o, InputFiles& files, const RandomAddress& random) {
  const ExperimentInputs inputs = read_inputs(o, files);
  Dynamics dynamics = build_dynamics(o, inputs, random);
  const MethodPointer method =
      o.method.make(ProgramMethodInputs(dynamics, o.observations.interval, files));
  ObservationModel observed = observation_model(o.observations, inputs);
  const std::size_t p = observed.observations(), window = method->window();
  TwinSetup setup{dynamics.forecast,
                  noise(o.forecast.noise, inputs.forecast_noise, "--forecast-noise",
                        inputs.dimension, noise_every(o)),
                  build_truth(o, inputs, dynamics, random),
                  {std::move(observed), inputs.observations},
                  initial_states(o, inputs, dynamics, method->members(), random)};
  TwinExperiment experiment(std::move(setup), method, twin_options(o, dynamics, random));
  const double time_between = dynamics.dt * static_cast<double>(o.observations.interval);
  return {std::move(dynamics),
          method,
          std::move(experiment),
          p,
          (o.run.burn_in + window - 1) / window * window,
          time_between};
}

void require_memory_for(const AssimilationRun& run) {
  const AssimilateOptions& o = run.options;
  const std::size_t dimension = o.dynamics.system.make().system.dimension(),
                    trajectories = o.truth.trajectories.value_or(integrated_truths);
  const std::string text = run.text("members");
  const std::size_t members = text.empty() ? 1 : std::stoull(text);
  // The climate's states and their covariance, each in a few copies, and ensembles.
  const auto d = static_cast<double>(dimension), m = static_cast<double>(members),
             k = static_cast<double>(trajectories);
  require_memory(8 * d * (4 * 4096.0 + 6 * d + 4 * k * m),
                 fmt::format("an experiment with {} components, {} members and {} trajectories",
                             dimension, members, trajectories),
                 "take fewer");
}

}  // namespace papillon::apps
