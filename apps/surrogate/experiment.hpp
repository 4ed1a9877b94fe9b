// One comparison of surrogates: its data, and one model fitted and scored with one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "papillon/apps/command.hpp"
#include "papillon/apps/experiment/identity.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/apps/surrogate/recipe.hpp"
#include "papillon/lorenz/surrogate/scores.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::apps {

// The settings of a comparison, or of one of its models; what a scaling changes is changed in a
// copy.
struct ExperimentOptions {
  std::vector<std::string> models{};
  std::vector<std::string> lambdas = {"1e-4", "auto"};  // per sample
  std::uint64_t samples = 262144, validation_samples = 65536;
  std::size_t lead = 10;
  double corruption = 0;
  std::vector<int> timesteps = {0, 50, 100, 200, 400, 600};
  double fourier_width = 1;
  // Of networks.
  double epochs = 100;
  std::uint64_t batch_size = 16384;
  double learning_rate = 5e-5;
  std::optional<double> final_learning_rate{};
  std::size_t hidden = 256;
  // Of the scores.
  std::size_t leads = 100, windows = 4096, lyapunov_trajectories = 0, lyapunov_steps = 400;
  double threshold = 0.4, lyapunov_exponent = 0.906;

  // Whether one of the models is such a recipe. Throws UsageError for a name that is none.
  bool any(bool (*is_such)(const Recipe&)) const;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    const auto use = [&self](const char* text, bool (*is_such)(const Recipe&)) {
      return Use{text, [&self, is_such] { return self.any(is_such); }};
    };
    const Use fit = use("--models", [](const Recipe&) { return true; }),
              ridge = use("models with a linear readout", [](const Recipe&r) { return r.linear; }),
              network = use("dense<n>, residual<n> and ...-mlp in --models",
                            [](const Recipe&r) { return !r.linear; });
    visit("models", self.models, {"which to fit (see below)"});
    visit("lambda", self.lambdas, {"of ridge regression, per sample: numbers from 0 on, auto"},
          ridge);
    visit("samples", self.samples, {"training pairs", closed(1, max_count)}, fit);
    visit("lead", self.lead,
          {"steps of the trajectory in one step of the surrogate", closed(1, 1'000'000)}, fit);
    visit("corruption", self.corruption,
          {"noise on the targets, in standard deviations", closed(0, 1e6)}, fit);
    visit("timesteps", self.timesteps,
          {"of the diffusion model, whose features are taken", closed(0, 100'000)},
          use("trained and untrained in --models",
              [](const Recipe& r) { return r.has("trained") || r.has("untrained"); }));
    visit("fourier-width", self.fourier_width,
          {"standard deviation of the random frequencies, per normalised unit", closed(1e-6, 1e6)},
          use("rff<n> in --models", [](const Recipe& r) { return r.uses("rff"); }));
    visit("epochs", self.epochs, {"passes over the samples", closed(1e-6, 1e9)}, network);
    visit("batch-size", self.batch_size, {"rows in a step of Adam", closed(1, 1 << 24)}, network);
    visit("learning-rate", self.learning_rate, {"of Adam", above(0, 10)}, network);
    visit("final-learning-rate", self.final_learning_rate,
          {"reached along half a cosine (default: constant)", closed(0, 10)}, network);
    visit("hidden", self.hidden, {"width of layers", closed(1, 8192)}, network);
    visit("leads", self.leads, {"steps of a forecast", closed(1, 1'000'000)});
    visit("windows", self.windows,
          {"forecasts, evenly spaced over the test trajectories", closed(1, max_count)});
    visit("threshold", self.threshold,
          {"of the normalised error, for the valid time", above(0, 1e9)});
    visit("lyapunov-exponent", self.lyapunov_exponent,
          {"of the system, per unit of time", above(0, 1e9)});
    visit("lyapunov-trajectories", self.lyapunov_trajectories,
          {"for the surrogate's leading exponent; 0: not computed", closed(0, 100'000)});
    visit("lyapunov-steps", self.lyapunov_steps, {"of each", closed(1, 10'000'000)},
          Use{"--lyapunov-trajectories", [&self] { return self.lyapunov_trajectories > 0; }});
  }
};

// A number that is not negative; throws UsageError.
double parse_lambda(const std::string& text);

struct Fitted {
  Surrogate surrogate;
  Json facts;  // lambda, degrees of freedom, ...: what is known before it is scored
};

class Experiment {
 public:
  // Files of states; validation may be empty where no lambda is "auto", test where nothing is
  // scored, the model where no recipe needs it. Throws InputError.
  Experiment(const Context& context, const std::string& train, const std::string& validation,
             const std::string& test, const std::string& model, const ExperimentOptions& o);

  // What the result of a recipe depends on, seed and data included.
  RunSettings identity(const Recipe& recipe, std::uint64_t seed, ExperimentOptions o) const;
  // Throws, before anything is fitted, what fit() and score() would throw for recipes, options and
  // data that do not fit together: UsageError, ArgumentError, InputError.
  void check(const Recipe& recipe, const ExperimentOptions& o) const;
  // The surrogates of a recipe: one, or one for each lambda of a ridge regression.
  std::vector<Fitted> fit(const Recipe& recipe, std::uint64_t seed, const ExperimentOptions& o,
                          const std::string& label) const;
  // Adds scores to the facts.
  void score(Fitted& fitted, const ExperimentOptions& o, const std::string& label) const;

  double dt() const { return dt_; }
  const std::vector<double>& shift() const { return shift_; }
  const std::vector<double>& scale() const { return scale_; }
  // The windows of the test trajectories, for surrogates with this normalisation.
  const SurrogateTest& windows(const ExperimentOptions& o, const std::vector<double>& shift,
                               const std::vector<double>& scale) const;
  std::size_t most_windows(const ExperimentOptions& o) const {
    return windows(o, shift_, scale_).windows();
  }

 private:
  void require_memory_for(const Recipe& recipe) const;
  Tensor<float> read(const std::string& file);
  TrainingPairs training_pairs(std::uint64_t seed, const ExperimentOptions& o) const;
  TrainingPairs validation_pairs(const ExperimentOptions& o) const;
  std::vector<Fitted> fit_linear(const FeaturesPtr& features, const TrainingPairs& pairs,
                                 const ExperimentOptions& o, const std::string& label) const;

  const Context& context_;
  std::vector<std::string> files_;  // all that were given
  Ingredients ingredients_;
  std::optional<DiffusionModel> diffusion_;
  std::optional<Tensor<float>> train_, validation_, test_;  // [members, times, D]
  mutable FileDigests digests_;
  std::vector<double> shift_, scale_;
  double dt_ = 0;
  mutable std::map<std::string, std::unique_ptr<SurrogateTest>> tests_;
};

}  // namespace papillon::apps
