// papillon surrogate: fits surrogate models on fixed features, and the networks they compete with.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/options.hpp"
#include "papillon/apps/outputs.hpp"
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
    OptionGroup g(app);
    g.text("--data", data_, "training trajectories, .nc or .npy (needed)");
    g.text("--validation", validation_, "trajectories for --lambda auto");
    g.text("--test", test_, "trajectories for scores and roll-outs");
    g.text("--model", model_, "trained diffusion model");
    g.text("--out", out_, "directory for results, tables and the figure");
    g.texts("--models", models_, "which to fit (see below)");
    g.texts("--lambda", o_.lambdas, "of ridge regression, per sample: numbers from 0 on, auto");
    add_data_options(g);
    add_network_options(OptionGroup(app, "Networks"));
    add_score_options(OptionGroup(app, "Scores"));
    g.choice("--scaling", scaling_, {"none", "samples", "corruption", "lead"},
             "repeat for each of --scaling-values");
    g.number("--scaling-values", scaling_values_, closed(0, 1e12),
             "values, as the option of that name takes them; else a range that suits");
    g.flag("--fit-only", fit_only_, "fit and --save, no scores");
    g.text("--save", save_, "file for the fitted surrogate (of one model)");
    g.text("--surrogate", surrogate_, "a saved surrogate, in place of --models");
    g.text("--rollout", rollout_, "file for the forecasts (of one model), .nc or .npy");
    g.flag("--no-figure", no_figure_, "do not draw");
  }

  Json run(const Context& context) override {
    context_ = &context;
    check_options();
    require_writable_directory(out_, "--out");
    require_writable_file(save_, "--save");
    require_writable_file(rollout_, "--rollout");
    context.say_when_interrupted("models that are finished are kept, and the same command goes on");
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
    std::optional<Fitted> loaded;
    if (!surrogate_.empty()) loaded.emplace(saved(experiment));
    const std::vector<Variant> variants = scaled(o_, scaling_, std::move(scaling_values_));
    for (const Variant& variant : variants)
      for (const Recipe& recipe : recipes) experiment.check(recipe, variant.options);
    if (!rollout_.empty()) {
      const StateLayout layout = rollout_layout(experiment);
      check_state_file(rollout_, layout);
      require_memory(8.0 * static_cast<double>(layout.members * layout.dimension) *
                         static_cast<double>(layout.times),
                     fmt::format("the --rollout of {} forecasts", layout.members),
                     "take fewer --windows or --leads");
    }
    std::optional<OutputDirectory> directory;
    if (!out_.empty()) directory.emplace(context, out_);
    if (loaded) return scored(experiment, name_of(loaded->surrogate), *loaded);
    if (fit_only_ || !rollout_.empty() || !save_.empty()) return single(experiment, recipes[0]);
    const Comparison comparison(context, experiment, out_, seeds_, !no_figure_);
    return scaling_ == "none" ? comparison.compare(recipes, o_)
                              : comparison.scale(recipes, scaling_, variants);
  }

 private:
  void add_data_options(OptionGroup& g) {
    g.whole("--samples", o_.samples, {1, many}, "training pairs");
    g.whole("--lead", o_.lead, {1, 1'000'000},
            "steps of the trajectory in one step of the surrogate");
    g.number("--corruption", o_.corruption, closed(0, 1e6),
             "noise on the targets, in standard deviations");
    g.whole("--seeds", seeds_, {1, 1000},
            "how many, from --seed on: samples, random features, weights");
    g.whole("--timesteps", timesteps_, {0, 100'000},
            "of the diffusion model, whose features are taken");
    g.number("--fourier-width", fourier_width_, closed(1e-6, 1e6),
             "standard deviation of the random frequencies, per normalised unit");
  }
  void add_network_options(OptionGroup g) {
    g.number("--epochs", o_.epochs, closed(1e-6, 1e9), "passes over the samples");
    g.whole("--batch-size", o_.batch_size, {1, 1 << 24}, "rows in a step of Adam");
    g.number("--learning-rate", o_.learning_rate, above(0, 10), "of Adam");
    g.number("--final-learning-rate", o_.final_learning_rate, closed(-1, 10),
             "reached along half a cosine; negative: constant");
    g.whole("--hidden", hidden_, {1, 8192}, "width of layers");
  }
  void add_score_options(OptionGroup g) {
    g.whole("--leads", o_.leads, {1, 1'000'000}, "steps of a forecast");
    g.whole("--windows", o_.windows, {1, many},
            "forecasts, evenly spaced over the test trajectories");
    g.number("--threshold", o_.threshold, above(0, 1e9),
             "of the normalised error, for the valid time");
    g.number("--lyapunov-exponent", o_.lyapunov_exponent, above(0, 1e9),
             "of the system, per unit of time");
    g.whole("--lyapunov-trajectories", o_.lyapunov_trajectories, {0, 100'000},
            "for the surrogate's leading exponent; 0: not computed");
    g.whole("--lyapunov-steps", o_.lyapunov_steps, {1, 10'000'000}, "of each");
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

  // The surrogate of --surrogate, if it fits the data; its lead is then --lead.
  Fitted saved(const Experiment& experiment) {
    Fitted fitted{load_surrogate(surrogate_), {}};
    const Surrogate& s = fitted.surrogate;
    if (s.shift().size() != experiment.shift().size())
      throw InputError(fmt::format("{}: steps states of {} components; those of {} have {}",
                                   surrogate_, s.dimension(), data_, experiment.shift().size()));
    o_.lead = static_cast<std::size_t>(std::lround(s.time_step() / experiment.dt()));
    if (o_.lead == 0 ||
        std::abs(static_cast<double>(o_.lead) * experiment.dt() - s.time_step()) > 1e-6)
      throw InputError(
          fmt::format("{}: its step of {} time units is no multiple of {}, the step of "
                      "the trajectories",
                      surrogate_, s.time_step(), experiment.dt()));
    experiment.windows(o_, s.shift(), s.scale());
    fitted.facts["parameters"] = s.readout().parameters();
    return fitted;
  }
  static std::string name_of(const Surrogate& surrogate) {
    const auto model = surrogate.training.find("model");
    return model == surrogate.training.end() ? "surrogate" : model->second;
  }

  Json scored(const Experiment& experiment, const std::string& name, Fitted& fitted) const {
    experiment.score(fitted, o_, name + " roll out");
    if (!rollout_.empty()) write_rollout(experiment, fitted.surrogate);
    const Json results = {{name, over_seeds({fitted.facts})}};
    if (context_->tables()) print_table(results);
    return results;
  }

  // Members: forecasts; times: leads, the initial state included.
  StateLayout rollout_layout(const Experiment& experiment) const {
    StateLayout layout;
    layout.members = experiment.most_windows(o_);
    layout.times = o_.leads + 1;
    layout.dimension = experiment.shift().size();
    layout.dt = experiment.dt() * static_cast<double>(o_.lead);
    layout.attributes = {{"title", "forecasts of a surrogate model"},
                         {"configuration", context_->settings.dump()}};
    return layout;
  }

  void write_rollout(const Experiment& experiment, const Surrogate& surrogate) const {
    const Tensor<float> initial =
        experiment.windows(o_, surrogate.shift(), surrogate.scale()).initial_states();
    const std::size_t n = initial.extent(0), d = initial.extent(1);
    const Rollout forecast = rollout(surrogate, initial, o_.leads);
    StateLayout layout = rollout_layout(experiment);
    layout.dt = surrogate.time_step();
    const auto writer = open_state_writer(rollout_, layout);
    const std::size_t block = layout.block_times();
    for (std::size_t first = 0; first < layout.times; first += block) {
      const std::size_t times = std::min(block, layout.times - first);
      Tensor<float> part(Shape{n, times, d});
      for (std::size_t m = 0; m < n; ++m)
        for (std::size_t t = 0; t < times; ++t)
          std::copy_n(first + t == 0 ? initial.data() + m * d
                                     : forecast.states.data() + (m * o_.leads + first + t - 1) * d,
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
