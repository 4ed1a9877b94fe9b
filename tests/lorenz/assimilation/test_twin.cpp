// Twin experiments: scores by their definition, the same bits in all ways to run, errors.
#include <cmath>
#include <filesystem>

#include "catch.hpp"
#include "corruptions.hpp"
#include "helpers.hpp"
#include "papillon/lorenz/assimilation/methods/climatology_method.hpp"
#include "papillon/lorenz/assimilation/methods/enoi.hpp"
#include "papillon/lorenz/assimilation/methods/etkf.hpp"
#include "papillon/lorenz/assimilation/methods/four_d_var.hpp"
#include "papillon/lorenz/assimilation/methods/letkf.hpp"
#include "papillon/lorenz/assimilation/methods/optimal_interpolation.hpp"
#include "papillon/lorenz/assimilation/sources/gaussian.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "temporary_folder.hpp"

using namespace papillon;
using namespace papillon::testing;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

TwinSetup lorenz63_setup(std::size_t trajectories = 4, double deviation = 2) {
  const ModelPointer model = forecast_model(Lorenz63{});
  auto pool = std::make_shared<Matrix>(spun_up_states(*model, 200, 2000, {1, 1}));
  Truth truth(IntegratedTruth{model, spun_up_states(*model, trajectories, 2500, {1, 2}), {}});
  return {model, {}, truth, {ObservationModel(ObservationOperator::all(3), deviation)}, pool};
}

TwinOptions short_options() {
  TwinOptions options;
  options.burn_in = 20;
  options.cycles = 80;
  options.batches = 4;
  options.scale = {8, 9, 8.6};
  return options;
}

// The ETKF, but in lock-step.
class Together final : public AssimilationMethod {
 public:
  std::string name() const override { return "together"; }
  std::string description() const override { return alone_->description(); }
  std::size_t members() const override { return alone_->members(); }
  bool batched() const override { return true; }
  void analyse(std::span<AnalysisCase> cases, Arena&) const override {
    for_each_case(cases, [&](AnalysisCase& one, Arena& memory) {
      alone_->analyse({&one, 1}, memory);
    });
  }

 private:
  MethodPointer alone_ = etkf(5, {1.1});
};

bool same_scores(const StateScores& a, const StateScores& b) {
  return a.nrmse_pooled.value == b.nrmse_pooled.value &&
         a.nrmse_pooled.se_batches == b.nrmse_pooled.se_batches &&
         a.rmse_time_mean.value == b.rmse_time_mean.value &&
         a.spread_pooled.value == b.spread_pooled.value && a.crps.value == b.crps.value &&
         identical(a.nrmse_batches, b.nrmse_batches) &&
         identical(a.rank_histogram, b.rank_histogram);
}
bool same_scores(const TwinScores& a, const TwinScores& b) {
  return same_scores(a.analysis, b.analysis) && same_scores(a.background, b.background) &&
         identical(a.background_covariance, b.background_covariance) &&
         identical(a.background_error_covariance, b.background_error_covariance);
}

Matrix some_c() {
  return Matrix::matrix({{0.52, 0.747, 0}, {0.747, 1.378, 0.001}, {0, 0.001, 1.177}});
}

}  // namespace

TEST_CASE("scores are what their names say", "[assimilation]") {
  TwinOptions options = short_options();
  TwinExperiment experiment(lorenz63_setup(3), etkf(5, {1.1}), options);
  std::vector<double> analysis, background;  // squared normalised, spatial means
  double rmse = 0, worst = 0;
  Matrix error_covariance = Matrix::zeros({3, 3});
  std::size_t next = 0;
  experiment.record = [&](const TwinRecord& r) {
    const std::size_t cycles = r.truth.extent(1);
    CHECK(r.first_cycle == next);
    next += cycles;
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t c = 0; c < cycles; ++c) {
        if (r.first_cycle + c < 20) continue;
        double a = 0, b = 0, plain = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::size_t at = (k * cycles + c) * 3 + i;
          const double e = r.analysis[at] - r.truth[at], f = r.background[at] - r.truth[at];
          a += e * e / (options.scale[i] * options.scale[i]) / 3;
          b += f * f / (options.scale[i] * options.scale[i]) / 3;
          plain += e * e / 3;
          worst = std::max(worst, std::abs(r.observations[at] - r.truth[at]));
          for (std::size_t j = 0; j < 3; ++j)
            error_covariance(i, j) +=
                f * (r.background[(k * cycles + c) * 3 + j] - r.truth[(k * cycles + c) * 3 + j]) /
                (3 * 80);
        }
        analysis.push_back(a);
        background.push_back(b);
        rmse += std::sqrt(plain);
      }
  };
  CHECK(experiment.run());
  CHECK(next == 100);
  const TwinScores scores = experiment.scores();
  REQUIRE(analysis.size() == 3 * 80);
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return sum / static_cast<double>(v.size());
  };
  CHECK(scores.cycles == 80);
  CHECK(scores.trajectories == 3);
  CHECK(scores.analysis.nrmse_pooled.value == Approx(std::sqrt(mean(analysis))).epsilon(1e-12));
  CHECK(scores.background.nrmse_pooled.value == Approx(std::sqrt(mean(background))).epsilon(1e-12));
  CHECK(scores.analysis.rmse_time_mean.value == Approx(rmse / 240).epsilon(1e-12));
  CHECK(largest_difference(scores.background_error_covariance, error_covariance) < 1e-10);
  CHECK(worst < 2 * 5.5);  // observations: 5.5 deviations are out of reach for 900 draws
  double ranks = 0;
  for (const double n : scores.background.rank_histogram) ranks += n;
  CHECK(ranks == 240 * 3);
  CHECK(scores.background.rank_histogram.shape() == Shape{3, 6});
  // Standard errors from four batches of three trajectories, by hand.
  std::vector<double> means;
  for (std::size_t i = 0; i < 12; ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < 20; ++c) sum += analysis[i * 20 + c] / 20;
    means.push_back(sum);
    CHECK(scores.analysis.nrmse_batches[i] == Approx(std::sqrt(sum)).epsilon(1e-12));
  }
  double squares = 0;
  for (const double m : means) squares += (m - mean(means)) * (m - mean(means));
  CHECK(scores.analysis.nrmse_pooled.se_batches ==
        Approx(std::sqrt(squares / 11 / 12) / (2 * std::sqrt(mean(means)))).epsilon(1e-10));
  const Estimate none = paired_difference(scores.analysis, scores.analysis);
  CHECK(none.value == 0);
  CHECK(none.se_batches == 0);
}

TEST_CASE("an experiment is the same on any number of threads and in lock-step", "[assimilation]") {
  const auto scores = [&](const MethodPointer& method) {
    return twin_experiment(lorenz63_setup(5), method, short_options());
  };
  EtkfOptions rotating{1.1, 1, true};
  const std::vector<MethodPointer> methods = {
      etkf(5, {1.1}), etkf(4, rotating), enoi(gaussian_source(some_c(), 10, 1.8)),
      four_d_var(forecast_model(Lorenz63{}), some_c(), 1.5)};
  for (const MethodPointer& method : methods) {
    set_thread_count(1);
    const TwinScores one = scores(method);
    set_thread_count(3);
    const TwinScores three = scores(method);
    set_thread_count(0);
    INFO(method->description());
    CHECK(same_scores(one, three));
  }
  CHECK(same_scores(scores(methods[0]), scores(std::make_shared<Together>())));
}

TEST_CASE("scores along the window leave noisy forecasts as they are", "[assimilation]") {
  for (const std::size_t every : {1, 2, 10}) {
    TwinSetup setup = lorenz63_setup(3);
    setup.forecast_noise = deviation_noise({0.1, 0.1, 0.1}, every);
    TwinOptions options = short_options();
    const TwinScores without = twin_experiment(setup, etkf(4, {1.1}), options);
    options.along_window_every = 5;
    CHECK(same_scores(twin_experiment(setup, etkf(4, {1.1}), options), without));
  }
}

TEST_CASE("interrupted and resumed is the same as in one go", "[assimilation]") {
  const TemporaryFolder folder;
  const auto path = folder / "twin.safetensors";
  TwinOptions options = short_options();
  options.cycles_at_once = 7;
  options.along_window_every = 5;
  for (const bool noisy : {false, true}) {
    const auto make = [&](double inflation = 1.1) {
      TwinSetup setup = lorenz63_setup(3);
      if (noisy) {
        setup.forecast_noise = deviation_noise({0.1, 0.1, 0.1}, 5);
        setup.truth =
            Truth(IntegratedTruth{setup.model, spun_up_states(*setup.model, 3, 100, {1, 2}),
                                  covariance_noise(some_covariance(3, 1), 5)});
      }
      return TwinExperiment(std::move(setup), etkf(4, {inflation}), options);
    };
    TwinExperiment whole = make();
    REQUIRE(whole.run());
    TwinExperiment first = make();
    first.progress = [](const TwinProgress& p) { return p.cycles_done < 42; };
    CHECK_FALSE(first.run());
    CHECK(first.cycles_done() == 42);
    first.save(path);
    TwinExperiment second = make();
    second.load(path);
    CHECK(second.cycles_done() == 42);
    CHECK(second.run());
    CHECK(same_scores(second.scores(), whole.scores()));
    CHECK(identical(second.states(), whole.states()));
    CHECK(second.scores().along_window[1].nrmse_pooled.value ==
          whole.scores().along_window[1].nrmse_pooled.value);
    TwinExperiment other = make(1.2);
    CHECK_THROWS_AS(other.load(path), InputError);
    CHECK(other.cycles_done() == 0);
  }
  TwinExperiment fresh(lorenz63_setup(3), etkf(4), options);
  CHECK_THROWS_AS(fresh.scores(), ArgumentError);
  CHECK_THROWS_AS(fresh.load(folder / "nothing.safetensors"), InputError);
  // The parameters of a system are settings, too.
  TwinSetup changed = lorenz63_setup(3);
  changed.model = forecast_model(Lorenz63{10, 28.01, 8.0 / 3});
  TwinExperiment same(lorenz63_setup(3), etkf(4, {1.1}), options),
      differs(changed, etkf(4, {1.1}), options);
  same.save(path);
  CHECK_THROWS_AS(differs.load(path), InputError);
}

TEST_CASE("every entry of a stored experiment is looked at before it is believed",
          "[assimilation]") {
  const TemporaryFolder folder;
  const auto path = folder / "twin.safetensors";
  TwinExperiment experiment(lorenz63_setup(3), etkf(4, {1.1}), short_options());
  experiment.save(path);
  std::vector<std::string> cycles = papillon::testing::no_integers;
  cycles.push_back("1000000");
  check_corruptions(
      path, [&] { experiment.load(path); },
      {{"cycles_done", cycles}, {"format", {"", "papillon-surrogate"}}, {"settings", {"", "x"}}});
  SafetensorsFile file = read_safetensors(path);
  for (const char* failures :
       {"x", "0", "0\t1", "0\t1\t3\twhat\n", "9\t1\t1\twhat\n", "0\t1000000\t1\twhat\n",
        "-1\t1\t1\twhat\n", "0\t1\t1\ta\n0\t1\t1\ta\n"}) {
    CAPTURE(failures);
    file.metadata["failures"] = failures;
    write_safetensors(path, file);
    CHECK_THROWS_AS(experiment.load(path), InputError);
  }
}

TEST_CASE("a linear system's errors are those that Riccati's equation says", "[assimilation]") {
  // x_k+1 = A x_k + noise: the ETKF with noise on every member is the Kalman filter, up to the
  // sampling error of the noise. OI with the stationary covariance is the same filter.
  const Matrix a = Matrix::matrix({{0.9, 0.3}, {-0.3, 0.9}}),
               q = Matrix::matrix({{0.3, 0.1}, {0.1, 0.2}});
  const Matrix h = Matrix::matrix({{1, 0}}), r = Matrix::matrix({{0.5}});
  Gaussian p{Matrix::zeros({2, 1}), q};
  Matrix prior = q;
  for (int k = 0; k < 500; ++k) {
    prior = plus(times(times(a, p.covariance), transpose(a)), q);
    p = kalman_update({p.mean, prior}, h, r, Matrix::zeros({1, 1}));
  }
  const ModelPointer model = linear_model(a);
  const ModelNoise noise = covariance_noise(q, 1);
  const auto pool = std::make_shared<Matrix>(random_normal<double>({100, 2}, {1, 1}));
  TwinSetup setup{model,
                  {},
                  Truth(IntegratedTruth{model, random_normal<double>({16, 2}, {1, 2}), noise}),
                  {ObservationModel(ObservationOperator::linear(h), r)},
                  pool};
  TwinOptions options;
  options.steps_per_cycle = 1;
  options.burn_in = 100;
  options.cycles = 1000;
  const TwinScores oi = twin_experiment(setup, optimal_interpolation(prior), options);
  setup.forecast_noise = noise;
  const TwinScores ensemble = twin_experiment(setup, etkf(200), options);
  for (std::size_t i = 0; i < 2; ++i) {
    // 16,000 cycles with a memory of about 3: the variance's standard error is 2 %, so 1 % of the
    // root; the ensemble of 200 costs about 1 / 200 of the variance.
    CHECK(oi.analysis.rmse_components[i] == Approx(std::sqrt(p.covariance(i, i))).epsilon(0.04));
    CHECK(oi.background.rmse_components[i] == Approx(std::sqrt(prior(i, i))).epsilon(0.04));
    CHECK(ensemble.analysis.rmse_components[i] ==
          Approx(std::sqrt(p.covariance(i, i))).epsilon(0.04));
    CHECK(ensemble.background_covariance(i, i) == Approx(prior(i, i)).epsilon(0.02));
  }
  CHECK(oi.analysis.spread_pooled.value ==
        Approx(std::sqrt((p.covariance(0, 0) + p.covariance(1, 1)) / 2)).epsilon(1e-9));
  // A calibrated filter: ranks as often as each other. Neighbouring cycles are dependent, so the
  // bins scatter by some 3 times sqrt(n): 20 bins of the 201, 10 % of the 16,000 each.
  double low = 0, all = 0;
  for (std::size_t bin = 0; bin < 201; ++bin) {
    all += ensemble.background.rank_histogram(0, bin);
    if (bin < 20) low += ensemble.background.rank_histogram(0, bin);
  }
  CHECK(low / all == Approx(20.0 / 201).margin(0.02));
  // CRPS of a calibrated Gaussian: deviation / sqrt(pi).
  CHECK(
      oi.analysis.crps.value ==
      Approx((std::sqrt(p.covariance(0, 0)) + std::sqrt(p.covariance(1, 1))) / 2 / std::sqrt(M_PI))
          .epsilon(0.04));
}

TEST_CASE("observations that are missing are skipped, in part or all", "[assimilation]") {
  TwinOptions options = short_options();
  TwinSetup setup = lorenz63_setup(2);
  // What is drawn, written down, and given back is the same experiment.
  Tensor<double> given(Shape{2, 100, 3});
  TwinExperiment drawn(setup, etkf(5, {1.1}), options);
  drawn.record = [&](const TwinRecord& r) { given = r.observations; };
  REQUIRE(drawn.run());
  REQUIRE(given.shape() == Shape{2, 100, 3});
  setup.observations.given = given;
  CHECK(same_scores(twin_experiment(setup, etkf(5, {1.1}), options), drawn.scores()));

  Tensor<double> holes = given;
  for (std::size_t c = 0; c < 100; ++c) {
    holes[(c * 3) + c % 3] = missing;  // one of each, of the first
    if (c % 4 == 1)
      for (std::size_t i = 0; i < 3; ++i) holes[300 + c * 3 + i] = missing;  // whole cycles
  }
  setup.observations.given = holes;
  TwinExperiment some(setup, etkf(5, {1.1}), options);
  some.record = [&](const TwinRecord& r) {
    for (std::size_t c = 1; c < 100; c += 4)
      for (std::size_t i = 0; i < 3; ++i)
        CHECK(r.analysis[300 + c * 3 + i] == r.background[300 + c * 3 + i]);
  };
  REQUIRE(some.run());
  CHECK(some.scores().analysis.nrmse_pooled.value > drawn.scores().analysis.nrmse_pooled.value);

  setup.observations.given = Tensor<double>::zeros({2, 50, 3});
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(5), options), ShapeError);
}

TEST_CASE("failures name the cycle and the trajectory, and leave what was there",
          "[assimilation]") {
  TwinOptions options = short_options();
  options.cycles_at_once = 10;
  TwinSetup setup = lorenz63_setup(3);
  Tensor<double> y(Shape{3, 100, 3});
  {
    TwinOptions whole = options;
    whole.cycles_at_once = 100;
    TwinExperiment source(setup, etkf(5, {1.1}), whole);
    source.record = [&](const TwinRecord& r) { y = r.observations; };
    source.run();
  }
  y[(1 * 100 + 55) * 3 + 2] = std::numeric_limits<double>::infinity();
  y[(2 * 100 + 55) * 3] = -std::numeric_limits<double>::infinity();
  setup.observations.given = y;
  for (const MethodPointer& method :
       {etkf(5, {1.1}), MethodPointer(std::make_shared<Together>())}) {
    TwinExperiment experiment(setup, method, options);
    try {
      experiment.run();
      FAIL("an infinite observation should be found");
    } catch (const AssimilationError& e) {
      CHECK(e.cycle == 55);
      CHECK(e.trajectory == 1);
      CHECK(e.failure == AssimilationFailure::observation);
      CHECK(std::string(e.what()).rfind("cycle 55, trajectory 1: observation 2", 0) == 0);
    }
    CHECK(experiment.failures().size() == 2);
    CHECK(experiment.cycles_done() == 60);
    CHECK(experiment.scores().cycles == 40);
    CHECK(std::isfinite(experiment.scores().analysis.nrmse_pooled.value));

    options.go_on_without_failed = true;
    TwinExperiment going(setup, method, options);
    CHECK(going.run());
    CHECK(going.failures().size() == 2);
    CHECK(going.failures()[1].trajectory == 2);
    CHECK(going.scores().cycles == 80);
    CHECK(std::isfinite(going.scores().analysis.nrmse_trajectories[1]));
    // The trajectory that went on is what it is without the others.
    TwinOptions alone = options;
    alone.trajectories = 1;
    CHECK(twin_experiment(setup, method, alone).analysis.nrmse_pooled.value ==
          going.scores().analysis.nrmse_trajectories[0]);
    // Failures are part of a checkpoint.
    const TemporaryFolder folder;
    going.save(folder / "twin.safetensors");
    TwinExperiment resumed(setup, method, options);
    resumed.load(folder / "twin.safetensors");
    REQUIRE(resumed.failures().size() == 2);
    CHECK(std::string(resumed.failures()[0].what()) == going.failures()[0].what());
    options.go_on_without_failed = false;
  }
}

TEST_CASE("divergence is found: too large a step, a method that goes astray", "[assimilation]") {
  TwinOptions options = short_options();
  TwinSetup setup = lorenz63_setup(2);
  setup.model = forecast_model(Lorenz63{}, Scheme::euler, 0.1);  // far too large
  TwinExperiment blows_up(setup, etkf(5), options);
  try {
    blows_up.run();
    FAIL("a forecast that blows up should be found");
  } catch (const AssimilationError& e) {
    CHECK(e.failure == AssimilationFailure::diverged);
  }
  const MethodPointer astray =
      make_method({"astray", "", 1, Uncertainty::none}, [](AnalysisCase& one, Arena&) {
        if (one.random.cycle == 30 && one.random.trajectory == 1) one.states[0][1] = 500;
      });
  try {
    twin_experiment(lorenz63_setup(2), astray, options);
    FAIL("an absurd analysis should be found");
  } catch (const AssimilationError& e) {
    CHECK(e.cycle == 30);
    CHECK(e.trajectory == 1);
    CHECK_THAT(e.what(), contains_text("the analysis"));
  }
  const MethodPointer broken =
      make_method({"broken", "", 1, Uncertainty::none}, [](AnalysisCase& one, Arena&) {
        if (one.random.cycle == 5) throw NumericalError("no luck");
      });
  try {
    twin_experiment(lorenz63_setup(2), broken, options);
    FAIL("a numerical error should be passed on");
  } catch (const AssimilationError& e) {
    CHECK(std::string(e.what()) == "cycle 5, trajectory 0: no luck");
  }
  // Knowing nothing is a score of 1, and what is worse counts as lost. Trajectories of 20 cycles
  // are short: their errors scatter by tens of per cent.
  const TwinScores nothing =
      twin_experiment(lorenz63_setup(8), climatology_method({0, 0, 23.5}, {63, 81, 74}), options);
  CHECK(nothing.analysis.nrmse_pooled.value == Approx(1).margin(0.15));
  CHECK(nothing.lost_share > 0.2);
}

TEST_CASE("an inflated LETKF is not lost where half of a ring is observed", "[assimilation]") {
  // Observations reach components 35 ... 24; the others are forecasts, as far off as the climate.
  const ModelPointer model = forecast_model(Lorenz96{40, 8}, Scheme::rk4, 0.05);
  std::vector<std::size_t> observed;
  for (std::size_t i = 0; i < 20; ++i) observed.push_back(i);
  const TwinSetup setup{model,
                        {},
                        Truth(IntegratedTruth{model, spun_up_states(*model, 2, 1000, {1, 2}), {}}),
                        {ObservationModel(ObservationOperator::components(40, observed), 1.0)},
                        std::make_shared<Matrix>(spun_up_states(*model, 40, 1000, {1, 1}))};
  TwinOptions options;
  options.burn_in = 100;
  options.cycles = 400;
  options.steps_per_cycle = 1;
  options.scale = std::vector<double>(40, 3.64);  // the climate's standard deviation
  options.crps = false;
  for (const double inflation : {1.05, 1.2})
    for (const LetkfOptions& by :
         {LetkfOptions{inflation, 1, false, 3}, LetkfOptions{1, std::sqrt(inflation), true, 3}}) {
      const TwinScores scores = twin_experiment(setup, letkf(10, by), options);
      INFO(letkf(10, by)->description() << ": " << scores.analysis.nrmse_pooled.value << " "
                                        << scores.analysis.spread_pooled.value);
      CHECK(scores.lost_share == 0);
      CHECK(scores.analysis.nrmse_pooled.value < 0.9);
    }
}

TEST_CASE("along the window the error grows from the analysis to the background",
          "[assimilation]") {
  TwinOptions options = short_options();
  options.cycles = 400;
  options.along_window_every = 2;
  const TwinScores scores = twin_experiment(lorenz63_setup(8), etkf(8, {1.1}), options);
  REQUIRE(scores.along_window.size() == 5);
  CHECK(scores.along_window[0].step == 2);
  CHECK(scores.along_window[4].step == 10);
  CHECK(scores.along_window[4].nrmse_pooled.value ==
        Approx(scores.background.nrmse_pooled.value).epsilon(1e-12));
  CHECK(scores.along_window[4].rmse_time_mean.value ==
        Approx(scores.background.rmse_time_mean.value).epsilon(1e-12));
  CHECK(scores.along_window[0].nrmse_pooled.value < scores.along_window[4].nrmse_pooled.value);
  // A window of several observations is scored over its whole length.
  FourDVarOptions window;
  window.window = 2;
  options.cycles = 30;
  const TwinScores smoother = twin_experiment(
      lorenz63_setup(2), four_d_var(forecast_model(Lorenz63{}), some_c(), 1.5, window), options);
  CHECK(smoother.along_window.size() == 10);
  CHECK(smoother.analysis.nrmse_pooled.value < smoother.background.nrmse_pooled.value);
  CHECK(smoother.cycles == 30);
}

TEST_CASE("given truths, integrated truths, and what does not fit", "[assimilation]") {
  TwinOptions options = short_options();
  TwinSetup setup = lorenz63_setup(2);
  const TwinScores integrated = twin_experiment(setup, etkf(4, {1.1}), options);
  // The same truth, stored every 5 steps in single precision.
  auto stored = std::make_shared<Tensor<float>>(Shape{3, 204, 3});
  Matrix x = spun_up_states(*setup.model, 2, 2500, {1, 2});
  for (std::size_t n = 3; n < 204; ++n) {
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < 3; ++i)
        (*stored)[((k + 1) * 204 + n) * 3 + i] = static_cast<float>(x(k, i));
    setup.model->advance(rows_of(x), 5);
  }
  setup.truth = Truth(GivenTruth{stored, 5, 3, 1});
  const TwinScores given = twin_experiment(setup, etkf(4, {1.1}), options);
  CHECK(given.analysis.nrmse_pooled.value ==
        Approx(integrated.analysis.nrmse_pooled.value).epsilon(1e-3));

  options.cycles = 81;  // one more than there is
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ArgumentError);
  options.cycles = 80;
  options.steps_per_cycle = 9;
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ArgumentError);
  options = short_options();
  options.along_window_every = 3;
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ArgumentError);
  options = short_options();
  options.trajectories = 3;
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ArgumentError);
  options = short_options();
  options.scale = {1, 1};
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ShapeError);
  options = short_options();
  TwinSetup other = lorenz63_setup(2);
  other.model = forecast_model(Lorenz96{});
  CHECK_THROWS_AS(TwinExperiment(other, etkf(4), options), ShapeError);
  CHECK_THROWS_AS(TwinExperiment(setup, nullptr, options), ArgumentError);
  CHECK_THROWS_AS(TwinExperiment(setup, optimal_interpolation(some_covariance(2, 1)), options),
                  ShapeError);
  setup.forecast_noise = deviation_noise({1, 1, 1}, 3);
  CHECK_THROWS_AS(TwinExperiment(setup, etkf(4), options), ArgumentError);
  TwinSetup uneven = lorenz63_setup(2);
  uneven.truth =
      Truth(IntegratedTruth{uneven.model, Matrix::zeros({2, 3}), deviation_noise({1, 1, 1}, 4)});
  CHECK_THROWS_AS(TwinExperiment(uneven, etkf(4), options), ArgumentError);
  CHECK_THROWS_AS(Truth(GivenTruth{nullptr}), ShapeError);
  CHECK_THROWS_AS(Truth(GivenTruth{stored, 0}), ArgumentError);
  CHECK_THROWS_AS(
      Truth(IntegratedTruth{forecast_model(Lorenz63{}), Matrix::full({2, 3}, missing), {}}),
      InputError);
}
