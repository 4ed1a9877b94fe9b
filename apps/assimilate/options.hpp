// First step: the options of `papillon assimilate`, everything that a twin experiment is made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "papillon/lorenz/assimilation/methods.hpp"
#include "papillon/lorenz/assimilation/observation_operator.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/dynamics/systems.hpp"

namespace papillon::apps {

using Numbers = std::vector<double>;

struct SystemOptions {
  Choice<NamedSystem()> system{systems(), "system", "dynamical system", "lorenz63", Role::paired};
  std::optional<double> dt{};
  std::string scheme = "rk4";
  Precision precision = Precision::float64;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    visit(self.system);
    visit("dt", self.dt, {"model step (default: 0.01, 0.05 of lorenz96)", closed(1e-9, 1), paired});
    visit("scheme", self.scheme, {"integrator", {}, paired, scheme_names()});
    visit("precision", self.precision, {"of the integration", {}, paired});
  }
};

// Forecasts by something else than the system, and their errors and the truth's.
struct ForecastOptions {
  std::string surrogate{}, noise_covariance{}, truth_noise_covariance{};
  Numbers noise{}, truth_noise{};
  std::optional<std::size_t> noise_every{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    constexpr Range deviation = closed(0, 1e9);
    visit("surrogate", self.surrogate,
          {"forecasts by what `papillon surrogate --save` wrote, not by the system", {}, input});
    visit("forecast-noise", self.noise, {"deviations of additive model noise", deviation});
    visit("forecast-noise-covariance", self.noise_covariance, {"of it, .npy", {}, input});
    visit("truth-noise", self.truth_noise, {"the same in an integrated truth", deviation, paired});
    visit("truth-noise-covariance", self.truth_noise_covariance,
          {"of it, .npy", {}, input | paired});
    visit.where({"model noise", [&self] { return self.is_noisy(); }}, [&self](auto&& list) {
      list("noise-every", self.noise_every,
           {"model steps (default: once an interval)", closed(1, 1e9), Role::paired});
    });
  }
  bool is_noisy() const {
    return !noise.empty() || !truth_noise.empty() || !noise_covariance.empty() ||
           !truth_noise_covariance.empty();
  }
};

// Truths and climate, of files or integrated.
struct TruthOptions {
  std::string file{}, climate{};
  Numbers scale{};
  std::size_t spin_up = 2000, first_time = 0, first_trajectory = 0;
  std::optional<std::size_t> every{}, trajectories{};
  std::optional<double> initial_deviation{};

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    visit("truth", self.file,
          {"trajectories (default: integrated)", {}, input | paired | test_only});
    // Without --scale the climate is the scale of the scores.
    visit("climate", self.climate,
          {"states for climatology, scale and first ensembles (default: those of the truth)",
           {},
           self.scale.empty() ? input | paired : input});
    visit("scale", self.scale,
          {"of scores (default: deviations of the climate)", above(0, 1e300), paired});
  }
  // For all but the climate.
  template <class Visit>
  void list_truths(Visit&& visit) {
    constexpr Role test = Role::paired | Role::test_only;
    visit("trajectories", trajectories,
          {"how many (default: all of --truth, 16 if integrated)", closed(1, 1e6), test});
    visit("initial-deviation", initial_deviation,
          {"of first members from the truth (default: states of the climate)", above(0, 1e9)});
    visit.where({"--truth", [this] { return !file.empty(); }}, [this](auto&& list) {
      list("truth-every", every,
           {"model steps between its times (default: as it says)", closed(1, 1e9), Role::paired});
      list("first-time", first_time, {"stored time to begin with", closed(0, max_count), test});
      list("first-trajectory", first_trajectory, {"of the file", closed(0, max_count), test});
    });
  }
};

struct ObservationOptions {
  std::vector<std::size_t> observe{};
  std::string matrix{}, covariance{}, file{};
  Pointwise pointwise = Pointwise::identity;
  Numbers deviation{2};
  std::size_t interval = 10;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    visit("observe", self.observe,
          {"components, from 0 (default: all)", closed(0, 99'999), paired});
    visit("operator", self.matrix, {"matrix [observations, components], .npy", {}, input | paired});
    visit("pointwise", self.pointwise, {"function of each observed number", {}, paired});
    visit.where(
        {"errors without --observation-covariance", [&self] { return self.covariance.empty(); }},
        [&self](auto&& list) {
          list("observation-deviation", self.deviation,
               {"standard deviations of the errors", above(0, 1e9), Role::paired});
        });
    visit("observation-covariance", self.covariance, {"of the errors, .npy", {}, input | paired});
    visit("interval", self.interval, {"model steps between observations", closed(1, 1e9), paired});
    visit("observations", self.file,
          {"file (variable 'observation' over trajectory, cycle, observation; missing: _FillValue, "
           "missing_value, valid_range), or .npy (default: drawn)",
           {},
           input | paired | test_only});
  }
};

struct RunOptions {
  std::uint64_t cycles = 50000, burn_in = 5000, store = 1000;
  std::optional<std::uint64_t> store_from{};
  std::optional<std::size_t> along_window_every{};
  std::size_t batches = 20;
  bool without_crps = false, go_on = false;
  double divergence_limit = 10, checkpoint_seconds = 60;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    visit("cycles", self.cycles, {"that are scored", closed(1, max_count), paired | test_only});
    visit("burn-in", self.burn_in,
          {"cycles before those", closed(0, max_count), paired | test_only});
    visit("along-window-every", self.along_window_every,
          {"model steps between scores of the forecast", closed(1, 1e9), test_only});
    visit("batches", self.batches, {"of cycles, for standard errors", closed(1, 1e6), paired});
    visit("without-crps", self.without_crps, {"and rank histograms", {}, test_only});
    visit("divergence-limit", self.divergence_limit,
          {"root mean square error, in units of the scale", above(0, 1e300)});
    visit("go-on", self.go_on, {"with the other trajectories after a failure", {}, test_only});
  }
  // What is written on the way.
  template <class Visit>
  void list_files(Visit&& visit) {
    using enum Role;
    visit("store", store, {"cycles whose states go to states.nc", closed(0, max_count), test_only});
    visit(
        "store-from", store_from,
        {"the first of them (default: the first that is scored)", closed(0, max_count), test_only});
    visit("checkpoint-every", checkpoint_seconds,
          {"seconds between checkpoints", closed(0, 1e9), display});
  }
};

enum class TuneScore { analysis_nrmse, background_nrmse, analysis_rmse, background_rmse };
constexpr auto enum_names(TuneScore) {
  return std::array{"analysis-nrmse", "background-nrmse", "analysis-rmse", "background-rmse"};
}

// Where the best value of an option is searched for. A search may go on with others of these.
struct SearchOptions {
  std::string range{};
  std::size_t points = 9;
  bool golden = false;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    using enum Role;
    visit("range", self.range, {"LOW:HIGH of it", {}, test_only});
    visit("points", self.points, {"of the search", closed(2, 100'000), test_only});
    visit("golden", self.golden, {"golden-section search, not a grid", {}, test_only});
  }
};

struct TuningOptions {
  std::string option{}, truth{};
  SearchOptions search{};
  std::optional<std::size_t> trajectories{};
  std::uint64_t cycles = 2000, burn_in = 200;
  TuneScore score = TuneScore::analysis_nrmse;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("tune", self.option, {"option to choose on other trajectories first"});
    visit.where({"--tune", [&self] { return self.is_asked_for(); }}, [&self](auto&& list) {
      list(self.search);
      list("tune-truth", self.truth, {"to tune on (default: integrated)", {}, Role::input});
      list("tune-trajectories", self.trajectories, {"as --trajectories", closed(1, 1e6)});
      list("tune-cycles", self.cycles, {"as --cycles", closed(1, max_count)});
      list("tune-burn-in", self.burn_in, {"as --burn-in", closed(0, max_count)});
      list("tune-score", self.score, {"to make small: nrmse pooled, rmse the time mean"});
    });
  }
  bool is_asked_for() const { return !option.empty(); }
};

// In place of cycles: how wide and how Gaussian generated ensembles are.
struct SpreadOptions {
  std::vector<int> start_steps{};
  std::size_t states = 200;
  SourceChoice source;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("spread", self.start_steps,
          {"start steps whose ensembles are measured, without cycles", closed(1, 100'000),
           Role::paired});
    visit.where({"--spread", [&self] { return self.is_asked_for(); }}, [&self](auto&& list) {
      list("spread-states", self.states, {"around which they are generated", closed(1, 1e6)});
      list(self.source);
      // Each start step in turn.
      std::erase_if(list.list, [&](const Option& o) {
        return o.name == "start-step" && o.use.rfind("--ensemble", 0) == 0;
      });
    });
  }
  bool is_asked_for() const { return !start_steps.empty(); }
};

// Of one run among several, and for people.
struct ResultOptions {
  std::string out{}, name{}, baseline{}, control{}, series{}, figure{};
  std::vector<std::string> run{};
  std::optional<double> expected{};
  bool resume = false, listed = false;  // listed: in a file of runs
};

struct AssimilateOptions {
  SystemOptions dynamics{};
  ForecastOptions forecast{};
  TruthOptions truth{};
  ObservationOptions observations{};
  Choice<MethodPointer(const MethodInputs&)> method;
  RunOptions run{};
  TuningOptions tuning{};
  SpreadOptions spread;
  ResultOptions results{};

  // A program with methods or sources of its own hands over copies of the library's registries
  // with these in them.
  explicit AssimilateOptions(const MethodRegistry& methods = papillon::methods(),
                             const SourceRegistry& sources = papillon::sources());

  // All options. The list refers to this object, which must not move as long as it lives.
  std::vector<Option> list();
};

}  // namespace papillon::apps
