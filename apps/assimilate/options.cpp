#include "papillon/apps/assimilate/options.hpp"

#include <fmt/format.h>

#include "papillon/apps/options.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr std::uint64_t most_members = 1'000'000, most_steps = 100'000;

void add_system(OptionGroup g, AssimilateOptions& o) {
  g.choice("--system", o.system, {"lorenz63", "lorenz96"}, "dynamical system");
  g.whole("--dimension", o.dimension, {4, 100'000}, "components of lorenz96");
  g.number("--forcing", o.forcing, closed(-1e3, 1e3), "of lorenz96");
  g.number("--parameters", o.parameters, closed(-1e6, 1e6),
           "sigma, rho, beta of lorenz63 (default: 10, 28, 8/3)");
  g.number("--dt", o.dt, closed(0, 1), "model step; 0: 0.01 for lorenz63, 0.05 for lorenz96");
  g.choice("--scheme", o.scheme, {"euler", "heun", "rk4"}, "integrator");
  g.choice("--precision", o.precision, {"float", "double"}, "of the integration");
  g.text("--surrogate", o.surrogate,
         "forecasts by a surrogate that `papillon surrogate --save` wrote, not by the system");
  g.number("--forecast-noise", o.forecast_noise, closed(0, 1e9),
           "standard deviations of additive model noise");
  g.text("--forecast-noise-covariance", o.forecast_noise_covariance, "its covariance, .npy");
  g.number("--truth-noise", o.truth_noise, closed(0, 1e9), "the same in an integrated truth");
  g.text("--truth-noise-covariance", o.truth_noise_covariance, "its covariance, .npy");
  g.whole("--noise-every", o.noise_every, {0, 1'000'000'000}, "model steps; 0: once an interval");
}

void add_truth(OptionGroup g, AssimilateOptions& o) {
  g.text("--truth", o.truth, "trajectories, .nc or .npy (default: integrated)");
  g.whole("--truth-every", o.truth_every, {0, 1'000'000'000},
          "model steps between its states; 0: as the file says");
  g.whole("--first-time", o.first_time, {0, many}, "stored time at which the experiment begins");
  g.whole("--first-trajectory", o.first_trajectory, {0, many}, "of the file");
  g.whole("--trajectories", o.trajectories, {0, 1'000'000}, "0: all of the file, 16 if integrated");
  g.text("--climate", o.climate,
         "states for climatology, scale and first ensembles (default: those of the truth)");
  g.whole("--spin-up", o.spin_up, {0, many}, "model steps before an integrated state is used");
  g.number("--initial-deviation", o.initial_deviation, closed(0, 1e9),
           "first members: the truth plus noise; 0: random states of the climate");
  g.number("--scale", o.scale, above(0, 1e300),
           "of normalised scores (default: the climate's standard deviations)");
}

void add_observations(OptionGroup g, AssimilateOptions& o) {
  g.whole("--observe", o.observe, {0, 99'999}, "components, from 0 (default: all)");
  g.text("--operator", o.matrix, "matrix [observations, components], .npy");
  g.choice("--pointwise", o.pointwise,
           {"identity", "square", "cube", "abs", "exp", "log", "log1p_abs", "tanh"},
           "function of each observed number");
  g.number("--observation-deviation", o.observation_deviation, above(0, 1e9),
           "standard deviations of the errors");
  g.text("--observation-covariance", o.observation_covariance, "of the errors, .npy");
  g.whole("--interval", o.interval, {1, 1'000'000'000}, "model steps between observations");
  g.text("--observations", o.observations,
         "file (variable 'observation' over trajectory, cycle, observation; missing: _FillValue, "
         "missing_value, valid_range), or .npy (default: drawn)");
}

void add_method(OptionGroup g, AssimilateOptions& o) {
  g.choice(
      "--method", o.method,
      {"climatology", "oi", "3dvar", "enoi", "etkf", "enkf", "letkf", "enkf-n", "4dvar", "hybrid"},
      "how observations are used");
  g.whole("--members", o.members, {1, most_members},
          "of the ensemble; with --ensemble posterior 2 to 4096");
  g.number("--prior-variance-inflation", o.prior_variance_inflation, above(0, 1e9),
           "factor of the prior covariance inside the analysis (etkf, letkf, enkf, enoi, hybrid)");
  g.number("--analysis-anomaly-inflation", o.analysis_anomaly_inflation, above(0, 1e9),
           "factor of the analysis anomalies (etkf, letkf, enkf, enkf-n, hybrid)");
  g.number("--deviation-inflation", o.deviation_inflation, above(0, 1e9),
           "factor of the standard deviations of a static covariance");
  g.flag("--rotate", o.rotate, "random mean-preserving rotation (etkf, letkf, enkf-n, hybrid)");
  g.number("--radius", o.radius, above(0, 1e300), "of letkf: half of where the taper is zero");
  g.flag("--known-mean", o.known_mean, "enkf-n without uncertainty of the prior's mean");
  g.whole("--gauge", o.gauge, {0, 1'000'000},
          "g of enkf-n: 0 in Bocquet (2011), 1 in Bocquet and Sakov (2012)");
  g.number("--certainty", o.certainty, above(0, 1e9),
           "factor of the ensemble's size in enkf-n (xN)");
  g.flag("--without-mode-correction", o.without_mode_correction, "enkf-n as first published");
  g.flag("--partial-hessian", o.partial_hessian, "enkf-n without the term -2 w w^T");
  g.flag("--free-perturbations", o.free_perturbations, "of enkf: not moved to have mean zero");
  g.texts("--covariance", o.covariance,
          "static B: climatology, a .npy, the results.json of a run, or the numbers");
  g.choice("--first-guess", o.first_guess, {"forecast", "climatology"},
           "of oi: where each analysis starts");
  g.choice("--innovation", o.innovation, {"background", "ensemble-mean"}, "of enoi");
  g.whole("--window", o.window, {1, 1'000'000}, "observation intervals of 4dvar");
  g.whole("--outer-loops", o.outer_loops, {0, 1'000'000},
          "of 3dvar and 4dvar; 0: the method's own");
  g.whole("--inner-loops", o.inner_loops, {1, 1'000'000}, "of 4dvar");
  g.number("--tolerance", o.tolerance, closed(0, 1), "of their steps; 0: the method's own");
  g.whole("--generated", o.generated, {2, most_members}, "members beside --members of hybrid");
  g.flag("--around-each-member", o.around_each_member, "generated for each of hybrid's members");
}

void add_ensembles(OptionGroup g, AssimilateOptions& o) {
  g.choice("--ensemble", o.ensemble,
           {"static", "diagonal", "sigma-points", "diffusion", "posterior"},
           "what enoi and hybrid generate members from");
  g.text("--model", o.model, "diffusion model (diffusion; its schedule and scale: posterior)");
  g.choice("--sampler", o.sampler, {"ddpm", "ddim", "dpm2m", "dpm3m", "heun"}, "of the model");
  g.whole("--steps", o.steps, {1, most_steps}, "of the whole reverse process");
  g.choice("--spacing", o.spacing, {"auto", "uniform", "leading", "trailing", "log_snr", "karras"},
           "of its timesteps; auto: uniform for ddpm and ddim, else log_snr");
  g.number("--eta", o.eta, closed(0, 1), "noise of ddim: 0 none, 1 as ddpm");
  g.choice("--variance", o.variance, {"small", "large"}, "of ddpm");
  g.whole("--start-step", o.start_step, {1, most_steps},
          "steps from the end where a state is noised");
  g.text("--library", o.library, "long trajectory that posterior draws from");
  g.whole("--library-states", o.library_states, {0, many}, "of them, evenly spaced; 0: all");
  g.number("--cutoff", o.cutoff, closed(1, 100), "of posterior, in standard deviations");
}

void add_run(OptionGroup g, AssimilateOptions& o) {
  g.text("--out", o.out, "directory for results, states and checkpoints");
  g.flag("--resume", o.resume, "continue the run in --out, with its settings");
  g.whole("--cycles", o.cycles, {1, many}, "that are scored");
  g.whole("--burn-in", o.burn_in, {0, many}, "cycles before those");
  g.whole("--along-window-every", o.along_window_every, {0, 1'000'000'000},
          "model steps between scores of the forecast; 0: none");
  g.whole("--batches", o.batches, {1, 1'000'000}, "of cycles, for standard errors");
  g.flag("--without-crps", o.without_crps, "and rank histograms");
  g.number("--divergence-limit", o.divergence_limit, above(0, 1e300),
           "root mean square error, in units of the scale");
  g.flag("--go-on", o.go_on, "with the other trajectories after a failure");
  g.whole("--store", o.store, {0, many}, "cycles whose states are written to states.nc");
  g.whole("--store-from", o.store_from, {-1, many},
          "the first of them; -1: the first that is scored");
  g.number("--checkpoint-every", o.checkpoint_seconds, closed(0, 1e9),
           "seconds between checkpoints");
}

void add_tuning(OptionGroup g, AssimilateOptions& o) {
  g.text("--tune", o.tune, "option to choose on other trajectories first");
  g.text("--range", o.range, "LOW:HIGH of it");
  g.whole("--points", o.points, {2, 100'000}, "of the search");
  g.flag("--golden", o.golden, "golden-section search, not a grid");
  g.text("--tune-truth", o.tune_truth, "trajectories to tune on (default: integrated)");
  g.whole("--tune-trajectories", o.tune_trajectories, {0, 1'000'000}, "as --trajectories");
  g.whole("--tune-cycles", o.tune_cycles, {1, many}, "as --cycles");
  g.whole("--tune-burn-in", o.tune_burn_in, {0, many}, "as --burn-in");
  g.choice("--tune-score", o.tune_score,
           {"analysis-nrmse", "background-nrmse", "analysis-rmse", "background-rmse"},
           "to make small: nrmse pooled, rmse the time mean");
}

void add_comparison(OptionGroup g, AssimilateOptions& o) {
  g.texts("--run", o.run, "runs of the configuration file ([[assimilate.run]]; default: all)");
  g.text("--name", o.name, "of the run");
  g.text("--baseline", o.baseline, "run that it is compared with, in pairs");
  g.text("--control", o.control, "a second such run: the exact posterior beside a network, say");
  g.text("--series", o.series, "its line in figures");
  g.number("--expected", o.expected, closed(0, 1e300), "the literature's score, for the table");
  g.text("--figure", o.figure, "stem of figures, drawn by gnuplot");
  g.whole("--spread", o.spread, {1, most_steps},
          "start steps: measures generated ensembles, without cycles");
  g.whole("--spread-states", o.spread_states, {1, 1'000'000},
          "states around which they are generated");
}

}  // namespace

void AssimilateOptions::add_to(CLI::App& app) {
  add_system(OptionGroup(app, "System"), *this);
  add_truth(OptionGroup(app, "Truth"), *this);
  add_observations(OptionGroup(app, "Observations"), *this);
  add_method(OptionGroup(app, "Method"), *this);
  add_ensembles(OptionGroup(app, "Generated ensembles"), *this);
  add_run(OptionGroup(app, "Run"), *this);
  add_tuning(OptionGroup(app, "Tuning"), *this);
  add_comparison(OptionGroup(app, "Comparison"), *this);
}

SamplerOptions AssimilateOptions::sampler_options() const {
  SamplerChoice choice;
  std::vector<Option> list;
  append_options(list, choice);
  const std::pair<const char*, std::string> values[] = {{"sampler", sampler},
                                                        {"steps", std::to_string(steps)},
                                                        {"spacing", spacing},
                                                        {"eta", fmt::format("{}", eta)},
                                                        {"variance", variance}};
  for (Option& option : list)
    for (const auto& [key, value] : values)
      if (option.name == key) option.assign({value});
  return choice.make();
}

}  // namespace papillon::apps
