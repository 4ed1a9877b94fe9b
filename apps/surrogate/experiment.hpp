// One comparison of surrogates: its data, and one model fitted and scored with one seed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "papillon/apps/command.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/apps/surrogate/recipe.hpp"
#include "papillon/lorenz/surrogate/scores.hpp"

namespace papillon::apps {

// The settings of a comparison; one that a scaling changes is changed in a copy.
struct ExperimentOptions {
  std::vector<std::string> lambdas = {"1e-4", "auto"};  // per sample
  std::uint64_t samples = 262144, validation_samples = 65536;
  std::size_t lead = 10;
  double corruption = 0;
  // Of networks.
  double epochs = 100;
  std::uint64_t batch_size = 16384;
  double learning_rate = 5e-5, final_learning_rate = -1;  // negative: as learning_rate
  // Of the scores.
  std::size_t leads = 100, windows = 4096, lyapunov_trajectories = 0, lyapunov_steps = 400;
  double threshold = 0.4, lyapunov_exponent = 0.906;
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
             const std::string& test, const std::string& model, Ingredients ingredients);

  // What the result of a recipe depends on, seed and data included.
  Json fingerprint(const Recipe& recipe, std::uint64_t seed, const ExperimentOptions& o) const;
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
  Tensor<float> read(const std::string& file, const char* what);
  TrainingPairs training_pairs(std::uint64_t seed, const ExperimentOptions& o) const;
  TrainingPairs validation_pairs(const ExperimentOptions& o) const;
  std::vector<Fitted> fit_linear(const FeaturesPtr& features, const TrainingPairs& pairs,
                                 const ExperimentOptions& o, const std::string& label) const;

  const Context& context_;
  Ingredients ingredients_;
  std::optional<DiffusionModel> diffusion_;
  std::optional<Tensor<float>> train_, validation_, test_;  // [members, times, D]
  std::map<std::string, std::string> hashes_;               // of the files' contents
  std::vector<double> shift_, scale_;
  double dt_ = 0;
  mutable std::map<std::string, std::unique_ptr<SurrogateTest>> tests_;
};

}  // namespace papillon::apps
