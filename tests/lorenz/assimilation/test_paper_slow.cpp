// The paper's twin experiment and published scores, long enough to tell.
#include <cmath>

#include "catch.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/methods/enkf_n.hpp"
#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/methods/letkf.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"
#include "papillon/lorenz/assimilation/methods/stochastic_enkf.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

// First ensembles [K, M, D]: the truth and some noise.
std::shared_ptr<const Tensor<double>> near(const Matrix& truth, std::size_t members,
                                           double deviation) {
  const std::size_t k = truth.extent(0), d = truth.extent(1);
  Tensor<double> x = random_normal<double>({k, members, d}, {3, 3});
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = truth[i / (members * d) * d + i % d] + deviation * x[i];
  return std::make_shared<Tensor<double>>(std::move(x));
}

double rmse_of(const ModelPointer& model, double deviation, std::size_t steps, std::uint64_t cycles,
               const MethodPointer& method) {
  const Matrix truth = spun_up_states(*model, 16, 3000, {1, 2}, 3, 2);
  TwinSetup setup{model,
                  {},
                  Truth(IntegratedTruth{model, truth, {}}),
                  {ObservationModel(ObservationOperator::all(model->dimension()), deviation)},
                  near(truth, method->members(), 0.3)};
  TwinOptions options;
  options.burn_in = 200;
  options.cycles = cycles;
  options.steps_per_cycle = steps;
  options.crps = false;
  const TwinScores scores = twin_experiment(setup, method, options);
  UNSCOPED_INFO(method->description() << ": " << scores.analysis.rmse_time_mean.value << " +- "
                                      << scores.analysis.rmse_time_mean.se_trajectories);
  return scores.analysis.rmse_time_mean.value;
}

// Finn et al. (2024), section 5.3: 16 trajectories of Lorenz-63, all of it observed.
TwinSetup paper_setup() {
  const ModelPointer model = forecast_model(Lorenz63{});
  return {model,
          {},
          Truth(IntegratedTruth{model, spun_up_states(*model, 16, 20000, {2, 2}), {}}),
          {ObservationModel(ObservationOperator::all(3), 2.0)},
          std::make_shared<Matrix>(spun_up_states(*model, 1000, 10000, {1, 1}))};
}

}  // namespace

TEST_CASE("the ETKF with 12 members has the background covariance of the paper", "[.slow]") {
  const TwinSetup setup = paper_setup();
  TwinOptions options;
  options.burn_in = 2000;
  options.cycles = 50000;
  options.scale = {7.9239, 9.0124, 8.6261};
  const TwinScores scores = twin_experiment(setup, etkf(12, {1.07}), options);
  // The matrix C of Finn et al. (2024), given to 0.0005. Of this experiment, 16 times 50,000
  // cycles: the entries' standard errors are 0.5 % or less.
  const Matrix c = Matrix::matrix({{0.520, 0.747, 0}, {0.747, 1.378, 0.001}, {0, 0.001, 1.177}});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      INFO("(" << i << ", " << j << ")");
      CHECK(scores.background_covariance(i, j) == Approx(c(i, j)).margin(0.005));
    }
  CHECK(scores.lost_share == 0);
}

TEST_CASE("static ensembles are as far behind the ETKF as in the paper's comparison", "[.slow]") {
  const Matrix c = Matrix::matrix({{0.520, 0.747, 0}, {0.747, 1.378, 0.001}, {0, 0.001, 1.177}});
  const TwinSetup setup = paper_setup();
  TwinOptions options;
  options.burn_in = 500;
  options.cycles = 5000;
  options.scale = {7.9239, 9.0124, 8.6261};
  const TwinScores ensemble = twin_experiment(setup, etkf(12, {1.07}), options);
  const TwinScores full = twin_experiment(setup, enoi(gaussian_source(c, 50, 1.82)), options);
  const TwinScores diagonal =
      twin_experiment(setup, enoi(gaussian_source(c, 50, 2.22, true)), options);
  const TwinScores sigma = twin_experiment(setup, enoi(sigma_point_source(c, 1.72)), options);
  // An independent implementation has .136 / .187 for the full covariance, with an error that it
  // does not state; ours is 0.0005 / 0.0013, and 0.0005 is rounding.
  CHECK(full.analysis.nrmse_pooled.value == Approx(0.136).margin(0.004));
  CHECK(full.background.nrmse_pooled.value == Approx(0.187).margin(0.006));
  const auto ahead = [](const TwinScores& a, const TwinScores& b) {
    const Estimate d = paired_difference(b.analysis, a.analysis);
    INFO(d.value << " +- " << d.se_batches);
    return d.value > 3 * d.se_batches;
  };
  CHECK(ahead(ensemble, sigma));
  CHECK(ahead(sigma, diagonal));
  CHECK(ahead(full, diagonal));
}

TEST_CASE("Lorenz-63 with observations every 25 steps: published scores", "[.slow]") {
  // Sakov et al. (2012), table 1: dt 0.01, error variance 2. The scores beside them are those that
  // the benchmark suite DAPPER publishes for this setting, from 1,000 cycles of one trajectory:
  // they scatter by some 5 %, ours by 2 %. The stochastic EnKF with 10 members loses the truth now
  // and then: its scores have a long tail (1,000 cycles of one trajectory scatter by some 20 %,
  // 20,000 of 16 by 1 %), and over three seeds the mean is 0.685 with a standard error of 0.005.
  const ModelPointer model = forecast_model(Lorenz63{});
  const auto rmse = [&](const MethodPointer& method, std::uint64_t cycles = 3000) {
    return rmse_of(model, std::sqrt(2.0), 25, cycles, method);
  };
  CHECK(rmse(etkf(3, {1, 1.30})) == Approx(0.80).epsilon(0.07));
  CHECK(rmse(etkf(10, {1, 1.02, true})) == Approx(0.60).epsilon(0.07));
  CHECK(rmse(stochastic_enkf(10, {1, 1.04}), 20000) == Approx(0.65).epsilon(0.1));
  CHECK(rmse(stochastic_enkf(100, {1, 1.01})) == Approx(0.56).epsilon(0.07));
  EnkfNOptions options;
  options.partial_hessian = true;
  CHECK(rmse(enkf_n(3, options)) == Approx(0.60).epsilon(0.07));
  options.rotate = true;
  CHECK(rmse(enkf_n(10, options)) == Approx(0.54).epsilon(0.07));
  // Optimal interpolation from the climate's mean: no cycling, nothing to tune, little scatter.
  const auto climate = climatology(spun_up_states(*model, 4000, 2000, {5, 5}));
  CHECK(rmse(optimal_interpolation(climate.covariance(), 1, climate.mean())) ==
        Approx(1.25).epsilon(0.02));
}

TEST_CASE("Lorenz-96 with all variables observed each step: published scores", "[.slow]") {
  // Sakov and Oke (2008), table 1, and DAPPER's scores for the same setting (two digits).
  const ModelPointer model = forecast_model(Lorenz96{40, 8}, Scheme::rk4, 0.05);
  const auto rmse = [&](const MethodPointer& method) { return rmse_of(model, 1, 1, 500, method); };
  CHECK(rmse(etkf(24, {1, 1.013, true})) == Approx(0.18).margin(0.01));
  CHECK(rmse(stochastic_enkf(40, {1, 1.06})) == Approx(0.22).margin(0.015));
  CHECK(rmse(letkf(7, {1, 1.04, true, 4 * 1.82})) == Approx(0.22).margin(0.015));
  EnkfNOptions options;
  options.rotate = true;
  options.partial_hessian = true;
  CHECK(rmse(enkf_n(24, options)) == Approx(0.21).margin(0.015));
  options.certainty = 2;
  CHECK(rmse(enkf_n(24, options)) == Approx(0.18).margin(0.01));
  // 3D-Var with 0.02 of the climatological covariance.
  const auto climate = climatology(spun_up_states(*model, 4000, 2000, {5, 5}, 3, 2));
  const Matrix c = climate.covariance();
  CHECK(rmse(optimal_interpolation(c, std::sqrt(0.02))) == Approx(0.41).margin(0.015));
  CHECK(rmse(optimal_interpolation(c, 1, climate.mean())) == Approx(0.95).margin(0.01));
}
