// papillon surrogate: fits surrogate models on fixed features, and the networks they compete with.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/surrogate/comparison.hpp"
#include "papillon/apps/surrogate/results.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

struct SurrogateOptions {
  std::string data, validation, test, model, out, save, surrogate, rollout;
  ExperimentOptions experiment;
  int seeds = 1;
  std::string scaling = "none";
  std::vector<double> scaling_values;
  bool fit_only = false, no_figure = false;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    const Use fit{"--models", [&self] { return !self.experiment.models.empty(); }};
    visit("data", self.data, {"training trajectories, .nc or .npy (needed)", {}, Role::input});
    visit("validation", self.validation, {"trajectories for --lambda auto", {}, Role::input});
    visit("test", self.test, {"trajectories for scores and roll-outs", {}, Role::input});
    visit("model", self.model, {"trained diffusion model", {}, Role::input});
    visit("out", self.out, {"directory for results, tables and the figure", {}, Role::output});
    visit(self.experiment);
    visit("seeds", self.seeds,
          {"how many, from --seed on: samples, random features, weights", closed(1, 1000)}, fit);
    visit(
        "scaling", self.scaling,
        {"repeat for each of --scaling-values", {}, {}, {"none", "samples", "corruption", "lead"}},
        fit);
    visit(
        "scaling-values", self.scaling_values,
        {"values, as the option of that name takes them; else a range that suits", closed(0, 1e12)},
        Use{"--scaling samples, corruption or lead", [&self] { return self.scaling != "none"; }});
    visit("fit-only", self.fit_only, {"fit and --save, no scores"});
    visit("save", self.save, {"file for the fitted surrogate (of one model)", {}, Role::output});
    visit("surrogate", self.surrogate,
          {"a saved surrogate, in place of --models", {}, Role::input});
    visit("rollout", self.rollout,
          {"file for the forecasts (of one model), .nc or .npy", {}, Role::output});
    visit("no-figure", self.no_figure, {"do not draw", {}, Role::display});
  }
};

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

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, s_);
    return list;
  }

  Json run(const Context& context) override {
    context_ = &context;
    o_ = s_.experiment;
    check_options();
    require_writable_directory(s_.out, "--out");
    require_writable_file(s_.save, "--save");
    require_writable_file(s_.rollout, "--rollout");
    context.say_when_interrupted("models that are finished are kept, and the same command goes on");
    const std::vector<Recipe> recipes = checked_recipes();
    const bool validate =
        std::count(o_.lambdas.begin(), o_.lambdas.end(), "auto") > 0 &&
        std::any_of(recipes.begin(), recipes.end(), [](const Recipe& r) { return r.linear; });
    if (validate && s_.validation.empty())
      throw UsageError("--lambda auto needs --validation FILE (or give a number)");
    const Experiment experiment(context, s_.data, validate ? s_.validation : "", s_.test, s_.model,
                                o_);
    std::optional<Fitted> loaded;
    if (!s_.surrogate.empty()) loaded.emplace(saved(experiment));
    const std::vector<Variant> variants = scaled(o_, s_.scaling, std::move(s_.scaling_values));
    for (const Variant& variant : variants)
      for (const Recipe& recipe : recipes) experiment.check(recipe, variant.options);
    if (!s_.rollout.empty()) {
      const StateLayout layout = rollout_layout(experiment);
      check_state_file(s_.rollout, layout);
      require_memory(8.0 * static_cast<double>(layout.members * layout.dimension) *
                         static_cast<double>(layout.times),
                     fmt::format("the --rollout of {} forecasts", layout.members),
                     "take fewer --windows or --leads");
    }
    std::optional<OutputDirectory> directory;
    if (!s_.out.empty()) directory.emplace(context, s_.out);
    if (loaded) return scored(experiment, name_of(loaded->surrogate), *loaded);
    if (s_.fit_only || !s_.rollout.empty() || !s_.save.empty())
      return single(experiment, recipes[0]);
    const Comparison comparison(context, experiment, s_.out, s_.seeds, !s_.no_figure);
    return s_.scaling == "none" ? comparison.compare(recipes, o_)
                                : comparison.scale(recipes, s_.scaling, variants);
  }

 private:
  void check_options() const {
    require(s_.data, "--data FILE");
    const bool one = s_.fit_only || !s_.rollout.empty() || !s_.save.empty();
    if (s_.surrogate.empty()) {
      if (o_.models.empty()) throw UsageError("--models NAMES (or --surrogate FILE) is needed");
      if (one && o_.models.size() != 1)
        throw UsageError(
            "--fit-only, --save and --rollout are for one model: give one in --models");
      if (one && o_.lambdas.size() != 1 && parse_recipe(o_.models[0], o_.hidden).linear)
        throw UsageError("--fit-only, --save and --rollout are for one --lambda");
    } else if (!o_.models.empty() || !s_.save.empty() || s_.fit_only) {
      throw UsageError("--surrogate FILE is in place of --models, --fit-only and --save");
    }
    if (s_.fit_only && s_.save.empty()) throw UsageError("--save FILE is needed with --fit-only");
    if (!s_.fit_only) require(s_.test, "--test FILE");
    if (!one && s_.surrogate.empty()) require(s_.out, "--out DIRECTORY");
    if (!s_.rollout.empty()) check_state_extension(s_.rollout);
    if (one && s_.scaling != "none") throw UsageError("--scaling is for comparisons");
    if (s_.scaling == "none" && !s_.scaling_values.empty())
      throw UsageError("--scaling-values need --scaling samples, corruption or lead");
    if (!one && s_.surrogate.empty() && !s_.no_figure) require_gnuplot();
  }

  std::vector<Recipe> checked_recipes() const {
    std::vector<Recipe> recipes;
    for (const std::string& name : o_.models) {
      if (std::count(o_.models.begin(), o_.models.end(), name) > 1)
        throw UsageError(fmt::format("--models: '{}' is there twice; must be there once", name));
      recipes.push_back(parse_recipe(name, o_.hidden));
      if (recipes.back().uses("trained") && s_.model.empty())
        throw UsageError(fmt::format("'{}' needs a trained diffusion model: --model FILE", name));
    }
    for (const std::string& lambda : o_.lambdas)
      if (lambda != "auto") parse_lambda(lambda);
    return recipes;
  }

  Json single(const Experiment& experiment, const Recipe& recipe) const {
    Fitted fitted = std::move(experiment.fit(recipe, context_->seed, o_,
                                             progress_label(recipe, context_->seed, "fit"))[0]);
    if (!s_.save.empty()) {
      save_surrogate(s_.save, fitted.surrogate);
      if (context_->tables()) fmt::print("{}\n", s_.save);
    }
    if (s_.fit_only) return {{recipe.name, fitted.facts}};
    return scored(experiment, recipe.name, fitted);
  }

  // The surrogate of --surrogate, if it fits the data; its lead is then --lead.
  Fitted saved(const Experiment& experiment) {
    Fitted fitted{load_surrogate(s_.surrogate), {}};
    const Surrogate& s = fitted.surrogate;
    if (s.shift().size() != experiment.shift().size())
      throw InputError(fmt::format("{}: steps states of {} components; those of {} have {}",
                                   s_.surrogate, s.dimension(), s_.data,
                                   experiment.shift().size()));
    o_.lead = static_cast<std::size_t>(std::lround(s.time_step() / experiment.dt()));
    if (o_.lead == 0 ||
        std::abs(static_cast<double>(o_.lead) * experiment.dt() - s.time_step()) > 1e-6)
      throw InputError(
          fmt::format("{}: its step of {} time units is no multiple of {}, the step of "
                      "the trajectories",
                      s_.surrogate, s.time_step(), experiment.dt()));
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
    if (!s_.rollout.empty()) write_rollout(experiment, fitted.surrogate);
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
    const auto writer = open_state_writer(s_.rollout, layout);
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
    if (context_->tables()) fmt::print("{}\n", s_.rollout);
  }

  SurrogateOptions s_;
  ExperimentOptions o_;
  const Context* context_ = nullptr;
};

}  // namespace

std::unique_ptr<Command> make_surrogate() {
  return std::make_unique<SurrogateCommand>();
}

}  // namespace papillon::apps
