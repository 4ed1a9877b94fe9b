// Third step: model, climate, truth, observations and method are built from options and inputs.
#pragma once

#include "papillon/apps/assimilate/inputs.hpp"
#include "papillon/apps/assimilate/run.hpp"
#include "papillon/lorenz/assimilation/twin_experiment.hpp"

namespace papillon::apps {

struct Dynamics {
  ModelPointer system;    // of integrated truths and of the climate
  ModelPointer forecast;  // the system, or a surrogate
  double dt;              // of the system
  Climate climate;
  std::vector<double> scale;  // of the normalised scores, [D]
};
// The climate comes from --climate, else from --truth, else from states that are integrated.
Dynamics build_dynamics(const AssimilateOptions& options, const ExperimentInputs& inputs,
                        const RandomAddress& random);

// What methods and sources of ensembles need. Refers to its arguments.
class ProgramMethodInputs final : public MethodInputs {
 public:
  ProgramMethodInputs(const Dynamics& dynamics, std::size_t steps_per_cycle, InputFiles& files)
      : dynamics_(dynamics), steps_per_cycle_(steps_per_cycle), files_(files) {}

  const ModelPointer& model() const override { return dynamics_.forecast; }
  std::size_t steps_per_cycle() const override { return steps_per_cycle_; }
  const Climate& climate() const override { return dynamics_.climate; }
  Tensor<double> covariance(const std::vector<std::string>& values) const override;
  std::shared_ptr<const DiffusionModel> diffusion_model(const std::string& file) const override;
  std::shared_ptr<const Tensor<float>> states(const std::string& file) const override;

 private:
  const Dynamics& dynamics_;
  std::size_t steps_per_cycle_;
  InputFiles& files_;
};

struct Twin {
  Dynamics dynamics;
  MethodPointer method;
  TwinExperiment experiment;
  std::size_t observations;  // P
  std::uint64_t burn_in;     // of whole windows of the method
  double time_between;       // observation times; model time
};
// Ready to run; random: whose seed and experiment it has. Throws InputError, ArgumentError,
// UsageError for what is missing or does not fit together.
Twin build_twin(const AssimilateOptions& options, InputFiles& files, const RandomAddress& random);

// Throws UsageError where an experiment needs more memory than there is.
void require_memory_for(const AssimilationRun& run);

}  // namespace papillon::apps
