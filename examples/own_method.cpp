// A twin experiment with an assimilation method of your own: nudging towards the observations.
#include <cstdio>
#include <papillon/lorenz/assimilation/methods/etkf.hpp>
#include <papillon/lorenz/assimilation/twin_experiment.hpp>

using namespace papillon;

// x + gain (y - H x) for one state, all of whose components are observed.
MethodPointer nudging(double gain) {
  return make_method({.name = "nudging",
                      .description = "nudging gain " + std::to_string(gain),
                      .members = 1,
                      .uncertainty = Uncertainty::none},
                     [gain](AnalysisCase& one, Arena&) {
                       const Observation& observed = *one.observations;
                       double* x = one.states.data;  // [1, D]
                       for (std::size_t k = 0; k < observed.count(); ++k) {
                         const std::size_t i = observed.which()[k];
                         x[i] += gain * (observed.values()[k] - x[i]);
                       }
                     });
}

int main() {
  const ModelPointer model = forecast_model(Lorenz63{});  // Runge-Kutta 4, steps of 0.01
  const TwinSetup setup{
      .model = model,
      .truth = Truth(IntegratedTruth{model, spun_up_states(*model, 4, 5000, {.seed = 1}), {}}),
      .observations = {ObservationModel(ObservationOperator::all(3), 2.0)},
      .initial = std::make_shared<Tensor<double>>(spun_up_states(*model, 500, 5000, {.seed = 2}))};
  TwinOptions options;
  options.burn_in = 200;
  options.cycles = 2000;
  options.scale = {7.9239, 9.0124, 8.6261};

  const TwinScores mine = twin_experiment(setup, nudging(0.5), options);
  const TwinScores etkf12 = twin_experiment(setup, etkf(12, {1.07}), options);
  const Estimate gap = paired_difference(mine.analysis, etkf12.analysis);
  std::printf("nRMSE of the analysis: nudging %.3f, ETKF %.3f, difference %.3f +- %.3f\n",
              mine.analysis.nrmse_pooled.value, etkf12.analysis.nrmse_pooled.value, gap.value,
              gap.se_batches);
  // Knowing nothing scores about 1; the observations by themselves 2 / 8.5 = 0.24.
  return mine.analysis.nrmse_pooled.value < 0.24 && gap.value > 0 ? 0 : 1;
}
