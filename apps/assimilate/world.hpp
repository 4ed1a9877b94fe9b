// From options to what a twin experiment runs on: model, truth, observations, first ensembles.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/options.hpp"
#include "papillon/lorenz/assimilation/ensemble_source.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"

namespace papillon::apps {

// The states of the climate: how they are distributed, and some of them.
struct Climate {
  std::vector<double> mean, deviation;         // [D]
  Tensor<double> covariance;                   // [D, D]
  std::shared_ptr<const Tensor<double>> pool;  // [n, D]
};

struct World {
  ModelPointer system;  // of integrated truths and of the climate
  ModelPointer model;   // of the forecasts: the system, or a surrogate
  Climate climate;
  std::vector<double> scale;  // of the normalised scores
};

// Throws UsageError where an experiment needs more memory than there is.
void check_memory(const AssimilateOptions& o);

ModelPointer system_model(const AssimilateOptions& o);
// The climate comes from --climate, else from --truth, else from states that are integrated.
World make_world(const AssimilateOptions& o, Inputs& inputs, const RandomAddress& random);
ObservationModel observation_model(const AssimilateOptions& o);

// Everything but the method. members: that it carries; random: whose seed and experiment it has.
// Throws InputError, ArgumentError, UsageError.
TwinSetup make_setup(const AssimilateOptions& o, const World& world, Inputs& inputs,
                     std::size_t members, const RandomAddress& random);
TwinOptions twin_options(const AssimilateOptions& o, const World& world,
                         const RandomAddress& random);

// The method, with all that it needs. Throws UsageError for what is missing.
MethodPointer make_method(const AssimilateOptions& o, const World& world, Inputs& inputs);
// All of these, ready to run.
struct Twin {
  World world;
  MethodPointer method;
  TwinExperiment experiment;
};
Twin make_twin(const AssimilateOptions& o, Inputs& inputs, const RandomAddress& random);

SourcePointer make_source(const AssimilateOptions& o, const World& world, Inputs& inputs,
                          std::size_t members);

}  // namespace papillon::apps
