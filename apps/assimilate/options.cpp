#include "papillon/apps/assimilate/options.hpp"

#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr std::uint64_t many = std::uint64_t{1} << 40;

// Options of one group of the help.
class Group {
 public:
  Group(CLI::App& app, const char* name) : app_(app), name_(name) {}

  CLI::Option* text(const char* option, std::string& value, const char* help) {
    return app_.add_option(option, value, help)->group(name_);
  }
  void choice(const char* option, std::string& value, std::vector<std::string> from,
              const char* help) {
    text(option, value, help)->check(CLI::IsMember(std::move(from)));
  }
  template <class T>
  void count(const char* option, T& value, const char* help, std::uint64_t low = 0) {
    app_.add_option(option, value, help)
        ->transform(count_number())
        ->check(CLI::Range(low, many))
        ->group(name_);
  }
  void integer(const char* option, std::int64_t& value, const char* help) {
    app_.add_option(option, value, help)
        ->check(CLI::Range(std::int64_t{-1}, static_cast<std::int64_t>(many)))
        ->group(name_);
  }
  void number(const char* option, double& value, double low, double high, const char* help) {
    app_.add_option(option, value, help)->check(within(low, high))->group(name_);
  }
  void flag(const char* option, bool& value, const char* help) {
    app_.add_flag(option, value, help)->group(name_);
  }
  template <class T>
  CLI::Option* list(const char* option, std::vector<T>& values, const char* help) {
    return app_.add_option(option, values, help)->delimiter(',')->group(name_);
  }

 private:
  CLI::App& app_;
  const char* name_;
};

void add_system(Group g, AssimilateOptions& o) {
  g.choice("--system", o.system, {"lorenz63", "lorenz96"}, "dynamical system");
  g.count("--dimension", o.dimension, "components of lorenz96", 4);
  g.number("--forcing", o.forcing, -1e3, 1e3, "of lorenz96");
  g.list("--parameters", o.parameters, "sigma, rho, beta of lorenz63 (default: 10, 28, 8/3)")
      ->check(within(-1e6, 1e6));
  g.number("--dt", o.dt, 0, 1, "model step; 0: 0.01 for lorenz63, 0.05 for lorenz96");
  g.choice("--scheme", o.scheme, {"euler", "heun", "rk4"}, "integrator");
  g.choice("--precision", o.precision, {"float", "double"}, "of the integration");
  g.text("--surrogate", o.surrogate,
         "forecasts by a surrogate that `papillon surrogate --save` wrote, not by the system");
  g.list("--forecast-noise", o.forecast_noise, "standard deviations of additive model noise")
      ->check(within(0, 1e9));
  g.text("--forecast-noise-covariance", o.forecast_noise_covariance, "its covariance, .npy");
  g.list("--truth-noise", o.truth_noise, "the same in an integrated truth")->check(within(0, 1e9));
  g.text("--truth-noise-covariance", o.truth_noise_covariance, "its covariance, .npy");
  g.count("--noise-every", o.noise_every, "model steps; 0: once an interval");
}

void add_truth(Group g, AssimilateOptions& o) {
  g.text("--truth", o.truth, "trajectories, .nc or .npy (default: integrated)");
  g.count("--truth-every", o.truth_every, "model steps between its states; 0: as the file says");
  g.count("--first-time", o.first_time, "stored time at which the experiment begins");
  g.count("--first-trajectory", o.first_trajectory, "of the file");
  g.count("--trajectories", o.trajectories, "0: all of the file, 16 if integrated");
  g.text("--climate", o.climate,
         "states for climatology, scale and first ensembles (default: those of the truth)");
  g.count("--spin-up", o.spin_up, "model steps before an integrated state is used");
  g.number("--initial-deviation", o.initial_deviation, 0, 1e9,
           "first members: the truth plus noise; 0: random states of the climate");
  g.list("--scale", o.scale, "of normalised scores (default: the climate's standard deviations)")
      ->check(within(1e-300, 1e300));
}

void add_observations(Group g, AssimilateOptions& o) {
  g.list("--observe", o.observe, "components, from 0 (default: all)")
      ->check(CLI::Range(std::int64_t{0}, static_cast<std::int64_t>(many)));
  g.text("--operator", o.matrix, "matrix [observations, components], .npy");
  g.choice("--pointwise", o.pointwise,
           {"identity", "square", "cube", "abs", "exp", "log", "log1p_abs", "tanh"},
           "function of each observed number");
  g.list("--observation-deviation", o.observation_deviation, "standard deviations of the errors")
      ->check(within(0, 1e9));
  g.text("--observation-covariance", o.observation_covariance, "of the errors, .npy");
  g.count("--interval", o.interval, "model steps between observations", 1);
  g.text("--observations", o.observations,
         "file (variable 'observation' over trajectory, cycle, observation; missing: _FillValue, "
         "missing_value, valid_range), or .npy (default: drawn)");
}

void add_method(Group g, AssimilateOptions& o) {
  g.choice(
      "--method", o.method,
      {"climatology", "oi", "3dvar", "enoi", "etkf", "enkf", "letkf", "enkf-n", "4dvar", "hybrid"},
      "how observations are used");
  g.count("--members", o.members, "of the ensemble", 1);
  g.number("--prior-variance-inflation", o.prior_variance_inflation, 1e-9, 1e9,
           "factor of the prior covariance inside the analysis (etkf, letkf, enkf, enoi, hybrid)");
  g.number("--analysis-anomaly-inflation", o.analysis_anomaly_inflation, 1e-9, 1e9,
           "factor of the analysis anomalies (etkf, letkf, enkf, enkf-n, hybrid)");
  g.number("--deviation-inflation", o.deviation_inflation, 1e-9, 1e9,
           "factor of the standard deviations of a static covariance");
  g.flag("--rotate", o.rotate, "random mean-preserving rotation (etkf, letkf, enkf-n, hybrid)");
  g.number("--radius", o.radius, 1e-9, 1e300, "of letkf: half of where the taper is zero");
  g.flag("--known-mean", o.known_mean, "enkf-n without uncertainty of the prior's mean");
  g.count("--gauge", o.gauge, "g of enkf-n: 0 in Bocquet (2011), 1 in Bocquet and Sakov (2012)");
  g.number("--certainty", o.certainty, 1e-9, 1e9, "factor of the ensemble's size in enkf-n (xN)");
  g.flag("--without-mode-correction", o.without_mode_correction, "enkf-n as first published");
  g.flag("--partial-hessian", o.partial_hessian, "enkf-n without the term -2 w w^T");
  g.flag("--free-perturbations", o.free_perturbations, "of enkf: not moved to have mean zero");
  g.list("--covariance", o.covariance,
         "static B: climatology, a .npy, the results.json of a run, or the numbers");
  g.choice("--first-guess", o.first_guess, {"forecast", "climatology"},
           "of oi: where each analysis starts");
  g.choice("--innovation", o.innovation, {"background", "ensemble-mean"}, "of enoi");
  g.count("--window", o.window, "observation intervals of 4dvar", 1);
  g.count("--outer-loops", o.outer_loops, "of 3dvar and 4dvar; 0: the method's own");
  g.count("--inner-loops", o.inner_loops, "of 4dvar", 1);
  g.number("--tolerance", o.tolerance, 0, 1, "of their steps; 0: the method's own");
  g.count("--generated", o.generated, "members beside --members of hybrid", 2);
  g.flag("--around-each-member", o.around_each_member, "generated for each of hybrid's members");
}

void add_ensembles(Group g, AssimilateOptions& o) {
  g.choice("--ensemble", o.ensemble,
           {"static", "diagonal", "sigma-points", "diffusion", "posterior"},
           "what enoi and hybrid generate members from");
  g.text("--model", o.model, "diffusion model (diffusion; its schedule and scale: posterior)");
  g.choice("--sampler", o.sampler, {"ddpm", "ddim", "dpm2m", "dpm3m", "heun"}, "of the model");
  g.count("--steps", o.sampling.steps, "of the whole reverse process", 1);
  g.choice("--spacing", o.spacing, {"auto", "uniform", "leading", "trailing", "log_snr", "karras"},
           "of its timesteps; auto: uniform for ddpm and ddim, else log_snr");
  g.number("--eta", o.sampling.eta, 0, 1, "noise of ddim: 0 none, 1 as ddpm");
  g.choice("--variance", o.variance, {"small", "large"}, "of ddpm");
  g.count("--start-step", o.start_step, "steps from the end where a state is noised", 1);
  g.text("--library", o.library, "long trajectory that posterior draws from");
  g.count("--library-states", o.library_states, "of them, evenly spaced; 0: all");
  g.number("--cutoff", o.cutoff, 1, 100, "of posterior, in standard deviations");
}

void add_run(Group g, AssimilateOptions& o) {
  g.text("--out", o.out, "directory for results, states and checkpoints");
  g.flag("--resume", o.resume, "continue the run in --out, with its settings");
  g.count("--cycles", o.cycles, "that are scored", 1);
  g.count("--burn-in", o.burn_in, "cycles before those");
  g.count("--along-window-every", o.along_window_every,
          "model steps between scores of the forecast; 0: none");
  g.count("--batches", o.batches, "of cycles, for standard errors", 1);
  g.flag("--without-crps", o.without_crps, "and rank histograms");
  g.number("--divergence-limit", o.divergence_limit, 1e-9, 1e300,
           "root mean square error, in units of the scale");
  g.flag("--go-on", o.go_on, "with the other trajectories after a failure");
  g.count("--store", o.store, "cycles whose states are written to states.nc");
  g.integer("--store-from", o.store_from, "the first of them; -1: the first that is scored");
  g.number("--checkpoint-every", o.checkpoint_seconds, 0, 1e9, "seconds between checkpoints");
}

void add_tuning(Group g, AssimilateOptions& o) {
  g.text("--tune", o.tune, "option to choose on other trajectories first");
  g.text("--range", o.range, "LOW:HIGH of it");
  g.count("--points", o.points, "of the search", 2);
  g.flag("--golden", o.golden, "golden-section search, not a grid");
  g.text("--tune-truth", o.tune_truth, "trajectories to tune on (default: integrated)");
  g.count("--tune-trajectories", o.tune_trajectories, "as --trajectories");
  g.count("--tune-cycles", o.tune_cycles, "as --cycles", 1);
  g.count("--tune-burn-in", o.tune_burn_in, "as --burn-in");
  g.choice("--tune-score", o.tune_score,
           {"analysis-nrmse", "background-nrmse", "analysis-rmse", "background-rmse"},
           "to make small: nrmse pooled, rmse the time mean");
}

void add_comparison(Group g, AssimilateOptions& o) {
  g.list("--run", o.run, "runs of the configuration file ([[assimilate.run]]; default: all)");
  g.text("--name", o.name, "of the run");
  g.text("--baseline", o.baseline, "run that it is compared with, in pairs");
  g.text("--control", o.control, "a second such run: the exact posterior beside a network, say");
  g.text("--series", o.series, "its line in figures");
  g.number("--expected", o.expected, 0, 1e300, "the literature's score, for the table");
  g.text("--figure", o.figure, "stem of figures, drawn by gnuplot");
  g.list("--spread", o.spread, "start steps: measures generated ensembles, without cycles")
      ->check(CLI::Range(1, 100000));
  g.count("--spread-states", o.spread_states, "states around which they are generated", 1);
}

}  // namespace

void AssimilateOptions::add_to(CLI::App& app) {
  app.option_defaults()->always_capture_default();
  add_system({app, "System"}, *this);
  add_truth({app, "Truth"}, *this);
  add_observations({app, "Observations"}, *this);
  add_method({app, "Method"}, *this);
  add_ensembles({app, "Generated ensembles"}, *this);
  add_run({app, "Run"}, *this);
  add_tuning({app, "Tuning"}, *this);
  add_comparison({app, "Comparison"}, *this);
}

SamplerOptions AssimilateOptions::sampler_options() const {
  SamplerOptions s = sampling;
  s.sampler = parse_sampler(sampler);
  const bool uniform = s.sampler == SamplerName::ddpm || s.sampler == SamplerName::ddim;
  s.spacing = spacing != "auto" ? parse_spacing(spacing)
              : uniform         ? Spacing::uniform
                                : Spacing::log_snr;
  s.variance = variance == "small" ? DdpmVariance::fixed_small : DdpmVariance::fixed_large;
  return s;
}

}  // namespace papillon::apps
