// papillon surrogate: fits surrogate models on fixed features, and the networks they compete with.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/surrogate/comparison.hpp"
#include "papillon/apps/surrogate/results.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

class SurrogateCommand : public Command {
 public:
  const char* name() const override { return "surrogate"; }
  const char* about() const override {
    return "Fit surrogate models on fixed features, roll them out and compare them.";
  }
  const char* example() const override {
    return "  papillon surrogate --data data/train.nc --validation data/validation.nc \\\n"
           "      --test data/test.nc --model run/model.safetensors \\\n"
           "      --models trained,untrained,rff1536,poly4,dense3 --seeds 3 --out surrogates\n"
           "  papillon surrogate --data data/train.nc --models rff1536 --lambda 1e-10 \\\n"
           "      --fit-only --save rff.safetensors\n"
           "  papillon surrogate --surrogate rff.safetensors --data data/train.nc \\\n"
           "      --test data/test.nc --rollout forecasts.nc\n"
           "  papillon surrogate ... --models trained,rff1536 --scaling samples --out scaling\n";
  }
  const char* notes() const override {
    return "Models: trained (hidden values of --model at --timesteps), trained-t400 (at that "
           "one),\n"
           "untrained, untrained-t400 (the same network before training), rff1536 (that many "
           "random\n"
           "Fourier features), poly4 (polynomials of that degree), state; joined by '+'; with a\n"
           "linear readout by ridge regression, or with -mlp at the end a hidden layer. From\n"
           "scratch: dense1, dense2, dense3 (hidden layers), residual3 (blocks).\n"
           "lambda is per sample: the readout W minimises mean |y - W x|^2 + lambda |W|^2 for\n"
           "standardised features x. Several are solved from one pass; auto takes the best on\n"
           "--validation of 29 values from 1e-14 to 1.\n"
           "nRMSE: sqrt(mean over components of MSE / scale^2). Valid time: to the first lead with "
           "a\n"
           "normalised error above --threshold, mean, in Lyapunov times. A forecast that leaves "
           "10\n"
           "standard deviations has diverged; it is held there and counts.\n"
           "Finished models are kept in OUT/models: the same command goes on where it stopped.";
  }

  void add_options(CLI::App& app) override {
    app.add_option("--data", data_, "training trajectories, .nc or .npy (needed)");
    app.add_option("--validation", validation_, "trajectories for --lambda auto");
    app.add_option("--test", test_, "trajectories for scores and roll-outs");
    app.add_option("--model", model_, "trained diffusion model");
    app.add_option("--out", out_, "directory for results, tables and the figure");
    app.add_option("--models", models_, "which to fit (see below)")->delimiter(',');
    app.add_option("--lambda", o_.lambdas, "of ridge regression, per sample: numbers, auto")
        ->delimiter(',');
    add_data_options(app);
    add_network_options(app);
    add_score_options(app);
    app.add_option("--scaling", scaling_, "repeat for each of --scaling-values")
        ->check(CLI::IsMember({"none", "samples", "corruption", "lead"}));
    app.add_option("--scaling-values", scaling_values_, "values; else a range that suits")
        ->delimiter(',');
    app.add_flag("--fit-only", fit_only_, "fit and --save, no scores");
    app.add_option("--save", save_, "file for the fitted surrogate (of one model)");
    app.add_option("--surrogate", surrogate_, "a saved surrogate, in place of --models");
    app.add_option("--rollout", rollout_, "file for the forecasts (of one model), .nc or .npy");
    app.add_flag("--no-figure", no_figure_, "do not draw");
  }

  Json run(const Context& context) override {
    context_ = &context;
    check_options();
    context.say_when_interrupted("models that are finished are kept, and the same command goes on");
    if (!out_.empty()) context.start_directory(out_);
    Ingredients ingredients;
    ingredients.timesteps = timesteps_;
    ingredients.fourier_width = fourier_width_;
    ingredients.hidden = hidden_;
    std::vector<Recipe> recipes;
    bool validate = false;
    for (const std::string& name : models_) {
      recipes.push_back(parse_recipe(name, hidden_));
      validate = validate || recipes.back().linear;
      if (recipes.back().uses("trained") && model_.empty())
        throw UsageError(fmt::format("'{}' needs a trained diffusion model: --model FILE", name));
    }
    for (const std::string& lambda : o_.lambdas)
      if (lambda != "auto") parse_lambda(lambda);
    validate = validate && std::count(o_.lambdas.begin(), o_.lambdas.end(), "auto") > 0;
    if (validate && validation_.empty())
      throw UsageError("--lambda auto needs --validation FILE (or give a number)");
    const Experiment experiment(context, data_, validate ? validation_ : "", test_, model_,
                                ingredients);
    if (!surrogate_.empty()) return saved(experiment);
    if (fit_only_ || !rollout_.empty() || !save_.empty()) return single(experiment, recipes[0]);
    const Comparison comparison(context, experiment, out_, o_, seeds_, !no_figure_);
    return scaling_ == "none" ? comparison.compare(recipes)
                              : comparison.scale(recipes, scaling_, scaling_values_);
  }

 private:
  void add_data_options(CLI::App& app) {
    app.add_option("--samples", o_.samples, "training pairs")->transform(count_number());
    app.add_option("--lead", o_.lead, "steps of the trajectory in one step of the surrogate")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
    app.add_option("--corruption", o_.corruption, "noise on the targets, in standard deviations")
        ->check(within(0, 1e6));
    app.add_option("--seeds", seeds_, "how many, from --seed on: samples, random features, weights")
        ->check(CLI::Range(1, 1000));
    app.add_option("--timesteps", timesteps_, "of the diffusion model, whose features are taken")
        ->delimiter(',')
        ->check(CLI::Range(0, 1'000'000));
    app.add_option("--fourier-width", fourier_width_,
                   "standard deviation of the random frequencies, per normalised unit")
        ->check(within(1e-6, 1e6));
  }
  void add_network_options(CLI::App& app) {
    constexpr const char* group = "Networks";
    app.add_option("--epochs", o_.epochs, "passes over the samples")
        ->check(within(1e-6, 1e9))
        ->group(group);
    app.add_option("--batch-size", o_.batch_size, "rows in a step of Adam")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 24))
        ->group(group);
    app.add_option("--learning-rate", o_.learning_rate, "of Adam")
        ->check(within(1e-12, 10))
        ->group(group);
    app.add_option("--final-learning-rate", o_.final_learning_rate,
                   "reached along half a cosine; negative: constant")
        ->check(within(-1, 10))
        ->group(group);
    app.add_option("--hidden", hidden_, "width of layers")
        ->check(CLI::Range(1, 8192))
        ->group(group);
  }
  void add_score_options(CLI::App& app) {
    constexpr const char* group = "Scores";
    app.add_option("--leads", o_.leads, "steps of a forecast")
        ->check(CLI::Range(1, 1'000'000))
        ->group(group);
    app.add_option("--windows", o_.windows, "forecasts, evenly spaced over the test trajectories")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32))
        ->group(group);
    app.add_option("--threshold", o_.threshold, "of the normalised error, for the valid time")
        ->check(within(1e-9, 1e9))
        ->group(group);
    app.add_option("--lyapunov-exponent", o_.lyapunov_exponent, "of the system, per unit of time")
        ->check(within(1e-9, 1e9))
        ->group(group);
    app.add_option("--lyapunov-trajectories", o_.lyapunov_trajectories,
                   "for the surrogate's leading exponent; 0: not computed")
        ->check(CLI::Range(0, 100000))
        ->group(group);
    app.add_option("--lyapunov-steps", o_.lyapunov_steps, "of each")
        ->check(CLI::Range(1, 10'000'000))
        ->group(group);
  }

  void check_options() const {
    require(data_, "--data FILE");
    const bool one = fit_only_ || !rollout_.empty() || !save_.empty();
    if (surrogate_.empty()) {
      if (models_.empty()) throw UsageError("--models NAMES (or --surrogate FILE) is needed");
      if (one && models_.size() != 1)
        throw UsageError(
            "--fit-only, --save and --rollout are for one model: give one in --models");
      if (one && o_.lambdas.size() != 1 && parse_recipe(models_[0], hidden_).linear)
        throw UsageError("--fit-only, --save and --rollout are for one --lambda");
    } else if (!models_.empty() || !save_.empty() || fit_only_) {
      throw UsageError("--surrogate FILE is in place of --models, --fit-only and --save");
    }
    if (fit_only_ && save_.empty()) throw UsageError("--save FILE is needed with --fit-only");
    if (!fit_only_) require(test_, "--test FILE");
    if (!one && surrogate_.empty()) require(out_, "--out DIRECTORY");
    if (!rollout_.empty()) check_state_extension(rollout_);
    if (one && scaling_ != "none") throw UsageError("--scaling is for comparisons");
    if (scaling_ == "none" && !scaling_values_.empty())
      throw UsageError("--scaling-values need --scaling samples, corruption or lead");
    if (!one && surrogate_.empty() && !no_figure_) require_gnuplot();
  }

  Json single(const Experiment& experiment, const Recipe& recipe) const {
    Fitted fitted = std::move(experiment.fit(recipe, context_->seed, o_,
                                             progress_label(recipe, context_->seed, "fit"))[0]);
    if (!save_.empty()) {
      save_surrogate(save_, fitted.surrogate);
      if (context_->tables()) fmt::print("{}\n", save_);
    }
    if (fit_only_) return {{recipe.name, fitted.facts}};
    return scored(experiment, recipe.name, fitted);
  }

  Json saved(const Experiment& experiment) const {
    Fitted fitted{load_surrogate(surrogate_), {}};
    const Surrogate& s = fitted.surrogate;
    if (s.shift().size() != experiment.shift().size())
      throw InputError(fmt::format("{}: steps states of {} components; those of {} have {}",
                                   surrogate_, s.dimension(), data_, experiment.shift().size()));
    ExperimentOptions o = o_;
    o.lead = static_cast<std::size_t>(std::lround(s.time_step() / experiment.dt()));
    if (o.lead == 0 ||
        std::abs(static_cast<double>(o.lead) * experiment.dt() - s.time_step()) > 1e-6)
      throw InputError(
          fmt::format("{}: its step of {} time units is no multiple of {}, the step of "
                      "the trajectories",
                      surrogate_, s.time_step(), experiment.dt()));
    fitted.facts["parameters"] = s.readout().parameters();
    const auto model = s.training.find("model");
    return scored(experiment, model == s.training.end() ? "surrogate" : model->second, fitted, o);
  }

  Json scored(const Experiment& experiment, const std::string& name, Fitted& fitted) const {
    return scored(experiment, name, fitted, o_);
  }
  Json scored(const Experiment& experiment, const std::string& name, Fitted& fitted,
              const ExperimentOptions& o) const {
    experiment.score(fitted, o, name + " roll out");
    if (!rollout_.empty()) write_rollout(experiment, fitted.surrogate, o);
    const Json results = {{name, over_seeds({fitted.facts})}};
    if (context_->tables()) print_table(results);
    return results;
  }

  // Members: forecasts; times: leads, the initial state included.
  void write_rollout(const Experiment& experiment, const Surrogate& surrogate,
                     const ExperimentOptions& o) const {
    const Tensor<float> initial = experiment.windows(o, surrogate).initial_states();
    const Rollout forecast = rollout(surrogate, initial, o.leads);
    const std::size_t n = initial.extent(0), d = initial.extent(1);
    StateLayout layout;
    layout.members = n;
    layout.times = o.leads + 1;
    layout.dimension = d;
    layout.dt = surrogate.time_step();
    layout.attributes = {{"title", "forecasts of a surrogate model"},
                         {"configuration", context_->settings.dump()}};
    const auto writer = open_state_writer(rollout_, layout);
    const std::size_t block = layout.block_times();
    for (std::size_t first = 0; first < layout.times; first += block) {
      const std::size_t times = std::min(block, layout.times - first);
      Tensor<float> part(Shape{n, times, d});
      for (std::size_t m = 0; m < n; ++m)
        for (std::size_t t = 0; t < times; ++t)
          std::copy_n(first + t == 0 ? initial.data() + m * d
                                     : forecast.states.data() + (m * o.leads + first + t - 1) * d,
                      d, part.data() + (m * times + t) * d);
      writer->write(part, first);
    }
    writer->commit();
    if (context_->tables()) fmt::print("{}\n", rollout_);
  }

  std::string data_, validation_, test_, model_, out_, save_, surrogate_, rollout_;
  std::string scaling_ = "none";
  std::vector<std::string> models_;
  std::vector<double> scaling_values_;
  std::vector<int> timesteps_ = {0, 50, 100, 200, 400, 600};
  double fourier_width_ = 1;
  std::size_t hidden_ = 256;
  int seeds_ = 1;
  bool fit_only_ = false, no_figure_ = false;
  ExperimentOptions o_;
  const Context* context_ = nullptr;
};

}  // namespace

std::unique_ptr<Command> make_surrogate() {
  return std::make_unique<SurrogateCommand>();
}

}  // namespace papillon::apps
