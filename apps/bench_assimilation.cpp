#include "papillon/apps/bench_assimilation.hpp"

#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/sources/diffusion.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "papillon/lorenz/dynamics/lorenz63.hpp"

namespace papillon::apps {
namespace {

CyclesToRun endless(const MethodPointer& method, std::size_t cycles, std::uint64_t seed) {
  const ModelPointer model = forecast_model(Lorenz63{});
  const Tensor<double> start =
      spun_up_states(*model, 256, 2000, random_stream(seed, Purpose::benchmark, 5));
  const Tensor<double> truths(Shape{bench_trajectories, 3},
                              start.span().subspan(0, bench_trajectories * 3));
  TwinSetup setup{model,
                  {},
                  Truth(IntegratedTruth{model, truths}),
                  {ObservationModel(ObservationOperator::all(3), 2.0)},
                  std::make_shared<const Tensor<double>>(start)};
  TwinOptions options;
  options.burn_in = 0;
  options.cycles = std::uint64_t{1} << 40;
  options.cycles_at_once = cycles;
  options.steps_per_cycle = bench_interval;
  options.scale = {7.9239, 9.0124, 8.6261};
  options.seed = seed;
  const auto experiment =
      std::make_shared<TwinExperiment>(std::move(setup), method, std::move(options));
  experiment->progress = [](const TwinProgress&) { return false; };
  return {cycles, [experiment] { experiment->run(); }};
}

}  // namespace

CyclesToRun etkf_cycles(std::size_t members, std::uint64_t seed) {
  EtkfOptions options;
  options.prior_variance_inflation = 1.07;
  return endless(etkf(members, options), 1000, seed);
}

CyclesToRun integration_alone(std::size_t members, std::uint64_t seed) {
  constexpr std::size_t cycles = 1000;
  const ModelPointer model = forecast_model(Lorenz63{});
  const auto states = std::make_shared<Tensor<double>>(
      spun_up_states(*model, bench_trajectories * (members + 1), 2000,
                     random_stream(seed, Purpose::benchmark, 6)));
  return {cycles, [model, states] { model->advance(rows_of(*states), cycles * bench_interval); }};
}

CyclesToRun enoi_diffusion_cycles(const DiffusionModel& model, int members, int start_step,
                                  std::uint64_t seed) {
  DiffusionSourceOptions options;
  options.members = members;
  options.start_step = start_step;
  options.sampler = paper_sampler();
  return endless(enoi(diffusion_source(model, options)), 1, seed);
}

}  // namespace papillon::apps
