#include "papillon/lorenz/assimilation/twin_experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "papillon/lorenz/assimilation/internal/twin_state.hpp"
#include "papillon/tensor/linalg.hpp"

namespace papillon::inline assimilation {
namespace {

std::uint64_t round_up(std::uint64_t n, std::uint64_t to) {
  return (n + to - 1) / to * to;
}

// Each member of each trajectory: a random row of the pool, or the ensembles as they are.
Tensor<double> initial_states(const Tensor<double>& from, std::size_t trajectories,
                              std::size_t members, std::size_t dimension, RandomAddress random) {
  if (!all_finite(from)) throw InputError("twin experiment: an initial state is not finite");
  if (from.shape() == Shape{trajectories, members, dimension}) return from;
  if (from.rank() != 2 || from.extent(1) != dimension || from.extent(0) == 0)
    throw ShapeError(fmt::format(
        "twin experiment: initial states have shape {}; must be a pool [n, {}] or [{}, {}, {}]",
        to_string(from.shape()), dimension, trajectories, members, dimension));
  Tensor<double> states(Shape{trajectories, members, dimension});
  std::vector<std::uint64_t> rows(members);
  for (std::size_t k = 0; k < trajectories; ++k) {
    random.trajectory = k;
    random.integers(Purpose::initial_members, from.extent(0), rows);
    for (std::size_t m = 0; m < members; ++m)
      std::copy_n(from.data() + rows[m] * dimension, dimension,
                  states.data() + (k * members + m) * dimension);
  }
  return states;
}

void check(const TwinSetup& setup, const AssimilationMethod* method, const TwinOptions& o) {
  if (!setup.model || !method || !setup.initial)
    throw ArgumentError("twin experiment: needs a model, a method and initial states");
  const std::size_t d = setup.model->dimension();
  const ObservationModel& observed = setup.observations.model;
  if (setup.truth.dimension() != d || observed.dimension() != d)
    throw ShapeError(fmt::format(
        "twin experiment: a model of {} components, a truth of {}, an observation operator of {}",
        d, setup.truth.dimension(), observed.dimension()));
  if (!o.scale.empty() && o.scale.size() != d)
    throw ShapeError(
        fmt::format("twin experiment: scale has {} components, the states {}", o.scale.size(), d));
  for (const double s : o.scale)
    if (!(std::isfinite(s) && s > 0))
      throw ArgumentError(fmt::format("twin experiment: scale is {}; must be positive", s));
  if (o.cycles == 0 || o.steps_per_cycle == 0 || o.batches == 0 || !(o.divergence_limit >= 0))
    throw ArgumentError(
        "twin experiment: cycles, steps_per_cycle and batches must be positive, "
        "divergence_limit not negative");
  if (o.along_window_every != 0 && o.steps_per_cycle % o.along_window_every != 0)
    throw ArgumentError(fmt::format(
        "twin experiment: along_window_every is {}; must divide the {} steps of a cycle",
        o.along_window_every, o.steps_per_cycle));
  if (o.trajectories > setup.truth.trajectories())
    throw ArgumentError(fmt::format(
        "twin experiment: there are to be {} trajectories; must be at most the {} of the truth",
        o.trajectories, setup.truth.trajectories()));
  check_model_noise(setup.forecast_noise, d, o.steps_per_cycle);
  if (method->from_window_start() && method->uncertainty() != Uncertainty::none &&
      method->uncertainty() != Uncertainty::ensemble)
    throw ArgumentError(
        "twin experiment: a method that starts at the window's beginning cannot report its "
        "uncertainty");
  if (method->window() == 0 || (method->window() > 1 && !method->from_window_start()))
    throw ArgumentError(
        "twin experiment: a window of several observations needs a method that "
        "starts at its beginning");
  method->check(observed);
}

}  // namespace

TwinExperiment::State::State(TwinSetup setup_, MethodPointer method_, TwinOptions options_)
    : setup(std::move(setup_)), method(std::move(method_)), options(std::move(options_)) {
  check(setup, method.get(), options);
  trajectories = options.trajectories ? options.trajectories : setup.truth.trajectories();
  members = method->members();
  dimension = setup.model->dimension();
  const std::size_t window = method->window();
  burn_in = round_up(options.burn_in, window);
  options.cycles = round_up(options.cycles, window);
  total = burn_in + options.cycles;
  setup.truth.check_interval(truth_every(), options.steps_per_cycle);
  if (setup.truth.steps() / options.steps_per_cycle < total)
    throw ArgumentError(fmt::format(
        "twin experiment: {} cycles of {} steps are more than the {} steps of the truth", total,
        options.steps_per_cycle, setup.truth.steps()));
  if (const auto& y = setup.observations.given) {
    const std::size_t p = setup.observations.model.observations();
    if (y->rank() != 3 || y->extent(0) < trajectories || y->extent(1) < total || y->extent(2) != p)
      throw ShapeError(fmt::format(
          "twin experiment: observations have shape {}; must be [{}, {}, {}], or more along the "
          "first two axes",
          to_string(y->shape()), trajectories, total, p));
  }
  if (options.divergence_limit == 0)
    options.divergence_limit = options.scale.empty() ? std::numeric_limits<double>::max() : 10;
  if (options.scale.empty()) options.scale.assign(dimension, 1.0);
  states = initial_states(*setup.initial, trajectories, members, dimension, address(0, 0));
  failed.resize(trajectories);
  const bool ensemble =
      method->uncertainty() == Uncertainty::generated ||
      (method->uncertainty() == Uncertainty::ensemble && method->scored_members() > 1);
  sums = ScoreSums(
      {trajectories, options.batches, dimension, ensemble ? method->scored_members() : 0,
       options.along_window_every ? window * options.steps_per_cycle / options.along_window_every
                                  : 0,
       options.crps, options.scale});
}

TwinExperiment::TwinExperiment(TwinSetup setup, MethodPointer method, TwinOptions options)
    : state_(std::make_unique<State>(std::move(setup), std::move(method), std::move(options))) {}
TwinExperiment::~TwinExperiment() = default;
TwinExperiment::TwinExperiment(TwinExperiment&&) noexcept = default;
TwinExperiment& TwinExperiment::operator=(TwinExperiment&&) noexcept = default;

bool TwinExperiment::run() {
  using Clock = std::chrono::steady_clock;
  State& s = *state_;
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  const auto start = Clock::now();
  const SingleThreadedBlas guard;
  const std::uint64_t window = s.method->window(), fixed_block = s.options.cycles_at_once;
  // Truths of about 16 MB at once; if progress is reported, of about 0.2 seconds.
  const std::size_t numbers =
      s.trajectories * s.dimension * (s.options.steps_per_cycle / s.truth_every());
  const std::uint64_t most = std::clamp<std::uint64_t>((std::uint64_t{1} << 21) / numbers, 1, 1024);
  // A failure ends the run with its block, so that what is scored does not depend on the clock.
  const std::uint64_t block = round_up(fixed_block > 0 ? fixed_block : most, window);
  const bool adapt = fixed_block == 0 && progress;
  std::uint64_t at_once = adapt ? std::min<std::uint64_t>(16, block) : block;
  const auto failed = [&] { return !s.failures.empty() && !s.options.go_on_without_failed; };
  while (s.done < s.total) {
    if (failed() && s.done % block == 0) throw s.failures.front();
    const auto begin = Clock::now();
    TwinRecord cycles;
    s.advance(std::min({round_up(at_once, window), block - s.done % block, s.total - s.done}),
              record ? &cycles : nullptr);
    const double seconds = seconds_since(begin);
    if (adapt && seconds < 0.1) at_once = std::min(2 * at_once, block);
    if (adapt && seconds > 0.2) at_once = std::max<std::uint64_t>(at_once / 2, 1);
    if (record) record(cycles);
    if (progress && !progress({s.done, s.total, seconds_since(start)}) && s.done < s.total)
      return false;
  }
  if (failed()) throw s.failures.front();
  return true;
}

std::uint64_t TwinExperiment::cycles_done() const {
  return state_->done;
}
std::uint64_t TwinExperiment::cycles_total() const {
  return state_->total;
}
const std::vector<AssimilationError>& TwinExperiment::failures() const {
  return state_->failures;
}
const Tensor<double>& TwinExperiment::states() const {
  return state_->states;
}
TwinScores TwinExperiment::scores() const {
  return state_->sums.scores(state_->truth_every());
}

TwinScores twin_experiment(TwinSetup setup, MethodPointer method, const TwinOptions& options) {
  TwinExperiment experiment(std::move(setup), std::move(method), options);
  experiment.run();
  return experiment.scores();
}

}  // namespace papillon::inline assimilation
