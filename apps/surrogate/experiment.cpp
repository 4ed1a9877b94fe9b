#include "papillon/apps/surrogate/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/lorenz/surrogate/fit.hpp"
#include "papillon/lorenz/surrogate/surrogate_lyapunov.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
double parse_lambda(const std::string& text) {
  const auto lambda = parse_number(text);
  if (!lambda || *lambda < 0)
    throw UsageError(
        fmt::format("--lambda '{}' is neither a number (per sample, from 0 on) nor auto", text));
  return *lambda;
}

bool ExperimentOptions::any(bool (*is_such)(const Recipe&)) const {
  return std::any_of(models.begin(), models.end(),
                     [&](const std::string& name) { return is_such(parse_recipe(name, hidden)); });
}

Experiment::Experiment(const Context& context, const std::string& train,
                       const std::string& validation, const std::string& test,
                       const std::string& model, const ExperimentOptions& o)
    : context_(context),
      files_{train, validation, test, model},
      ingredients_{0, nullptr, o.timesteps, o.fourier_width, o.hidden} {
  if (!model.empty()) {
    diffusion_ = load_model(model);
    ingredients_.dimension = diffusion_->normalisation.dimension();
    ingredients_.diffusion = &*diffusion_;
    shift_ = diffusion_->normalisation.shift;
    scale_ = diffusion_->normalisation.scale;
  }
  train_ = read(train);
  ingredients_.dimension = train_->extent(2);
  if (!validation.empty()) validation_ = read(validation);
  if (!test.empty()) test_ = read(test);
  if (!diffusion_) {
    const Climatology moments = climatology(*train_);
    shift_ = moments.mean();
    scale_ = moments.standard_deviation();
    for (const double s : scale_)
      if (!(s > 0)) throw InputError(fmt::format("{}: a component does not vary", train));
  }
}

// [members, times, D]; all files share a time step.
Tensor<float> Experiment::read(const std::string& file) {
  States states = read_states(file, ingredients_.dimension);
  const StateLayout& layout = states.layout;
  const double dt = layout.dt > 0 ? layout.dt : dt_ > 0 ? dt_ : 0.01;  // NPY does not say
  if (dt_ > 0 && std::abs(dt - dt_) > 1e-6 * dt_)
    throw InputError(
        fmt::format("{}: the time step is {}, and {} in the training data", file, dt, dt_));
  if (!(dt_ > 0)) dt_ = dt;
  return std::move(states.values)
      .reshaped({static_cast<std::ptrdiff_t>(layout.members),
                 static_cast<std::ptrdiff_t>(layout.times),
                 static_cast<std::ptrdiff_t>(layout.dimension)});
}

RunSettings Experiment::identity(const Recipe& recipe, std::uint64_t seed,
                                 ExperimentOptions o) const {
  o.models = {recipe.name};
  std::vector<Option> list;
  append_options(list, o);
  RunSettings identity = run_identity(list, digests_);
  identity.emplace_back("--seed", std::to_string(seed));
  for (const std::string& file : files_)
    if (!file.empty()) identity.emplace_back("file " + file, digests_(file));
  return identity;
}

void Experiment::require_memory_for(const Recipe& recipe) const {
  const std::size_t n = make_features(recipe, ingredients_, context_.seed)->size(),
                    d = ingredients_.dimension;
  if (recipe.linear) StreamingRidge(n, d);  // refuses what it cannot take
  // A network: weights, gradients and Adam's moments of what lies above the features.
  const double bytes =
      recipe.linear ? ridge_memory(n, d) : 24.0 * static_cast<double>(n * recipe.shape.hidden);
  require_memory(bytes, fmt::format("{}: the fit of {} features", recipe.name, format_count(n)),
                 "take fewer features");
}

TrainingPairs Experiment::training_pairs(std::uint64_t seed, const ExperimentOptions& o) const {
  return {*train_,
          shift_,
          scale_,
          {.lead = o.lead, .samples = o.samples, .corruption = o.corruption, .seed = seed}};
}

TrainingPairs Experiment::validation_pairs(const ExperimentOptions& o) const {
  const std::size_t times = validation_->extent(1);
  const std::uint64_t most = validation_->extent(0) * (times - std::min(times, o.lead));
  return {*validation_,
          shift_,
          scale_,
          {.lead = o.lead, .samples = std::clamp<std::uint64_t>(most, 1, o.validation_samples)}};
}

void Experiment::check(const Recipe& recipe, const ExperimentOptions& o) const {
  require_memory_for(recipe);
  training_pairs(context_.seed, o);
  if (recipe.linear && o.samples < 2)
    throw UsageError(fmt::format("--samples {}: ridge regression, of --models {}, needs at least 2",
                                 o.samples, recipe.name));
  if (recipe.linear && validation_) validation_pairs(o);
  if (!recipe.linear && o.epochs * static_cast<double>(o.samples) > 1e15)
    throw UsageError(fmt::format("--epochs {} of --samples {} are more than anybody can train",
                                 o.epochs, o.samples));
  if (test_) windows(o, shift_, scale_);
}

std::vector<Fitted> Experiment::fit_linear(const FeaturesPtr& features, const TrainingPairs& pairs,
                                           const ExperimentOptions& o,
                                           const std::string& label) const {
  Progress progress(label, pairs.size(), "samples", context_.quiet);
  const RidgeSystem system =
      ridge_system(*features, pairs, [&](std::uint64_t done) { progress.update(done); });
  progress.finish();
  std::vector<Fitted> all;
  for (const std::string& text : o.lambdas) {
    Json facts = {{"lambda_asked", text}};
    RidgeFit fit;
    if (text == "auto") {
      const TrainingPairs validation = validation_pairs(o);
      LambdaSearch search = search_lambda(system, *features, validation);
      fit = std::move(search.best);
      facts["validation"] = {{"lambda", search.lambdas}, {"mse", search.errors}};
    } else {
      fit = system.solve(parse_lambda(text));
    }
    facts["lambda"] = fit.lambda;
    facts["degrees_of_freedom"] = fit.degrees_of_freedom;
    facts["constant_features"] = system.constant_features();
    all.push_back({Surrogate(features, linear_readout(fit), shift_, scale_,
                             dt_ * static_cast<double>(o.lead)),
                   std::move(facts)});
  }
  return all;
}

std::vector<Fitted> Experiment::fit(const Recipe& recipe, std::uint64_t seed,
                                    const ExperimentOptions& o, const std::string& label) const {
  const auto start = Clock::now();
  const FeaturesPtr features = make_features(recipe, ingredients_, seed);
  const TrainingPairs pairs = training_pairs(seed, o);
  std::vector<Fitted> all;
  if (recipe.linear) {
    try {
      all = fit_linear(features, pairs, o, label);
    } catch (const NumericalError& error) {  // what was asked for does not suit the features
      throw InputError(fmt::format("{}: {}", recipe.name, error.what()));
    }
  } else {
    TrainingOptions training;
    training.seed = seed;
    training.total_samples = static_cast<std::uint64_t>(
        std::max(1.0, std::ceil(o.epochs * static_cast<double>(o.samples))));
    training.batch_size = static_cast<std::size_t>(o.batch_size);
    training.learning_rate = o.learning_rate;
    training.final_learning_rate = o.final_learning_rate.value_or(o.learning_rate);
    Progress progress(label, training.total_samples, "samples", context_.quiet);
    double loss = 0;
    ReadoutPtr readout =
        fit_network(*features, pairs, recipe.shape, training, [&](const TrainingReport& report) {
          loss = report.step == 1 ? report.loss : 0.98 * loss + 0.02 * report.loss;
          progress.update(std::min(report.samples, training.total_samples),
                          fmt::format("loss {:.3g}", loss));
        });
    progress.finish();
    all.push_back(
        {Surrogate(features, std::move(readout), shift_, scale_, dt_ * static_cast<double>(o.lead)),
         {{"training_samples", training.total_samples}, {"training_loss", loss}}});
  }
  for (Fitted& fitted : all) {
    Json& facts = fitted.facts;
    facts["fit_seconds"] = seconds_since(start);  // of all lambdas together
    facts["features"] = features->name();
    facts["feature_count"] = features->size();
    facts["parameters"] = fitted.surrogate.readout().parameters();
    fitted.surrogate.training = {{"model", recipe.name},
                                 {"settings", to_text(identity(recipe, seed, o))},
                                 {"facts", facts.dump()}};
  }
  return all;
}

const SurrogateTest& Experiment::windows(const ExperimentOptions& o,
                                         const std::vector<double>& shift,
                                         const std::vector<double>& scale) const {
  auto& test = tests_[fmt::format("{} {} {} {}", o.lead, o.leads, o.windows, o.threshold)];
  if (!test)
    test = std::make_unique<SurrogateTest>(
        test_.value(), *train_, shift, scale,
        ScoreOptions{o.lead, o.leads, o.windows, o.threshold, o.lyapunov_exponent, {}});
  return *test;
}

void Experiment::score(Fitted& fitted, const ExperimentOptions& o, const std::string& label) const {
  const SurrogateTest& test = windows(o, fitted.surrogate.shift(), fitted.surrogate.scale());
  const auto start = Clock::now();
  Progress progress(label, test.windows(), "forecasts", context_.quiet);
  const SurrogateScores s =
      test.score(fitted.surrogate, [&](std::size_t done) { progress.update(done); });
  progress.finish();
  Json& facts = fitted.facts;
  facts["lead"] = s.lead;
  facts["mse"] = s.mse;
  facts["mae"] = s.mae;
  facts["nrmse"] = s.nrmse;
  facts["diverged"] = s.diverged;
  facts["valid_time"] = s.valid_time;
  facts["always_valid"] = s.always_valid;
  facts["hellinger"] = s.hellinger;
  facts["hellinger_floor"] = s.hellinger_floor;
  facts["windows"] = s.windows;
  facts["score_seconds"] = seconds_since(start);
  facts["lyapunov"] = facts["lyapunov_se"] = Json();
  if (o.lyapunov_trajectories == 0) return;
  const Tensor<float> initial = test.initial_states();
  const std::size_t n = std::min(o.lyapunov_trajectories, initial.extent(0)), d = initial.extent(1);
  Tensor<double> states(Shape{n, d});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < d; ++j)
      states(i, j) = static_cast<double>(initial(i * initial.extent(0) / n, j));
  LyapunovOptions lyapunov;
  lyapunov.alignment = 50;
  lyapunov.steps = o.lyapunov_steps;
  lyapunov.orthonormalise_every = 1;
  try {
    const LyapunovSpectrum spectrum = surrogate_lyapunov(fitted.surrogate, states, lyapunov);
    facts["lyapunov"] = spectrum.exponents[0];
    facts["lyapunov_se"] = spectrum.standard_errors[0];
  } catch (const NumericalError&) {  // its trajectories blow up: there is no exponent to give
  }
}

}  // namespace papillon::apps
