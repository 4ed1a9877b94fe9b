// The options of `papillon assimilate`: everything that a twin experiment is made of.
#pragma once

#include <string>
#include <vector>

#include "papillon/apps/command.hpp"
#include "papillon/diffusion/sampler.hpp"

namespace papillon::apps {

// Lists that may be empty have the length that fits, one number for all, or are left to a default.
struct AssimilateOptions {
  // The system, its forecasts and their noise.
  std::string system = "lorenz63", scheme = "rk4", precision = "double", surrogate;
  std::size_t dimension = 40;
  double forcing = 8, dt = 0;  // 0: 0.01 and 0.05
  std::vector<double> parameters{};
  std::vector<double> forecast_noise{}, truth_noise{};
  std::string forecast_noise_covariance, truth_noise_covariance;
  std::size_t noise_every = 0;  // 0: once an observation interval

  // Truth, climate and first ensembles.
  std::string truth, climate;
  std::size_t truth_every = 0, first_time = 0, first_trajectory = 0, trajectories = 0;
  std::size_t spin_up = 2000;
  double initial_deviation = 0;
  std::vector<double> scale{};

  // Observations.
  std::vector<std::size_t> observe{};
  std::string matrix, pointwise = "identity", observation_covariance, observations;
  std::vector<double> observation_deviation{2};
  std::size_t interval = 10;

  // The method.
  std::string method = "etkf";
  std::size_t members = 12, generated = 50;
  double prior_variance_inflation = 1, analysis_anomaly_inflation = 1, deviation_inflation = 1;
  bool rotate = false, known_mean = false, free_perturbations = false, around_each_member = false;
  bool without_mode_correction = false, partial_hessian = false;
  int gauge = 0;
  double radius = 4, certainty = 1;
  std::vector<std::string> covariance{};
  std::string innovation = "background", first_guess = "forecast";
  std::size_t window = 1, outer_loops = 0, inner_loops = 100;
  double tolerance = 0;  // of both, 0: the method's own

  // Its ensembles.
  std::string ensemble = "static", model, sampler = "ddpm", spacing = "auto", variance = "small";
  int start_step = 13;
  int steps = 100;  // of the reverse process
  double eta = 0;
  std::string library;
  std::size_t library_states = 0;
  double cutoff = 6;

  // The run.
  std::uint64_t cycles = 50000, burn_in = 5000;
  std::size_t along_window_every = 0, batches = 20;
  bool without_crps = false, go_on = false;
  double divergence_limit = 10;
  std::string out;
  bool resume = false;
  std::uint64_t store = 1000;
  std::int64_t store_from = -1;
  double checkpoint_seconds = 60;

  // Tuning.
  std::string tune, range, tune_truth, tune_score = "analysis-nrmse";
  std::size_t points = 9, tune_trajectories = 0;
  bool golden = false;
  std::uint64_t tune_cycles = 2000, tune_burn_in = 200;

  // The spread of generated ensembles.
  std::vector<int> spread{};
  std::size_t spread_states = 200;

  // Comparisons.
  std::string name, baseline, control, series, figure;
  std::vector<std::string> run{};
  double expected = 0;

  void add_to(CLI::App& app);
  // What the strings say, once they are all there. Throws ArgumentError.
  SamplerOptions sampler_options() const;
  double time_step() const { return dt > 0 ? dt : system == "lorenz63" ? 0.01 : 0.05; }
  std::size_t state_dimension() const { return system == "lorenz63" ? 3 : dimension; }
};

// One set of options, out of layers in order of precedence.
struct ParsedRun {
  AssimilateOptions options;
  Context context;       // seed, quiet, and settings: the resolved options
  bool selected = true;  // of a comparison's runs: to be done, not only shown if it was done before
};
// Gives the options of all layers to a parser of its own. Throws UsageError, and InputError for
// what a file says.
ParsedRun parse_run(const Context& program, const std::vector<Settings>& layers);
// Placeholders such as {interval} in name, baseline, control, series and covariance become the
// values that those options have in `settings`. Throws UsageError for one that is no option.
void fill_placeholders(ParsedRun& run, const Json& settings);

}  // namespace papillon::apps
