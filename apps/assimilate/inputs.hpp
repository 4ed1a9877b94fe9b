// Second step: the files of an experiment are read, each once, and never changed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "papillon/apps/assimilate/options.hpp"
#include "papillon/apps/experiment/identity.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/diffusion/model.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/lorenz/surrogate/surrogate.hpp"

namespace papillon::apps {

struct Trajectories {
  std::shared_ptr<const Tensor<float>> states;  // [trajectories, time, D]
  double dt;                                    // between times; 0: not known
  Climatology climate;
};

// Several runs share what is read. All throw InputError.
class InputFiles {
 public:
  const Trajectories& trajectories(const std::string& path, std::size_t dimension);
  std::shared_ptr<const DiffusionModel> model(const std::string& path, std::size_t dimension);
  std::shared_ptr<const Surrogate> surrogate(const std::string& path, std::size_t dimension);
  FileDigests digests{};

 private:
  std::map<std::string, std::unique_ptr<const Trajectories>> trajectories_;
  std::map<std::string, std::shared_ptr<const DiffusionModel>> models_;
  std::map<std::string, std::shared_ptr<const Surrogate>> surrogates_;
};

// What the options name, but for the files of the method. Empty where they name none.
struct ExperimentInputs {
  std::size_t dimension = 0;  // D
  const Trajectories *truth = nullptr, *climate = nullptr;
  std::shared_ptr<const Surrogate> surrogate{};
  Tensor<double> forecast_noise{}, truth_noise{};     // covariances [D, D]
  Tensor<double> matrix{}, observation_covariance{};  // H [P, D], R [P, P]
  std::optional<Tensor<double>> observations{};       // [trajectories, cycles, P]
};
ExperimentInputs read_inputs(const AssimilateOptions& options, InputFiles& files);

// A covariance [n, n]: .npy, or the background_covariance in a results.json (of a run, or of
// --json). Throws InputError.
Tensor<double> read_covariance(const std::string& path, std::size_t n);
// The covariance that these values of --covariance are: a file, or numbers. Throws InputError,
// UsageError.
Tensor<double> covariance_of(const std::vector<std::string>& values, std::size_t n);

}  // namespace papillon::apps
