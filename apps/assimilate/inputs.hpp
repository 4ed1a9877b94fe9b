// The files that experiments read; several runs share them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

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

// Each file is read once. All throw InputError.
class Inputs {
 public:
  const Trajectories& trajectories(const std::string& path, std::size_t dimension);
  std::shared_ptr<const DiffusionModel> model(const std::string& path, std::size_t dimension);
  std::shared_ptr<const Surrogate> surrogate(const std::string& path, std::size_t dimension);
  // 64 bits of a file's contents: results that are stored are worth as much as the files they are
  // from. Not against forgery.
  std::string digest(const std::string& path);

 private:
  std::map<std::string, std::unique_ptr<Trajectories>> trajectories_;
  std::map<std::string, std::shared_ptr<const DiffusionModel>> models_;
  std::map<std::string, std::shared_ptr<const Surrogate>> surrogates_;
  std::map<std::string, std::string> digests_;
};

// A matrix [rows, columns] of numbers, from .npy; 0: any. Throws InputError.
Tensor<double> read_matrix(const std::string& path, std::size_t rows, std::size_t columns);
// The covariance, if it is one; origin: of the message. Throws InputError.
Tensor<double> checked_covariance(Tensor<double> covariance, const std::string& origin);
// A covariance [n, n]: .npy, or the background_covariance in a results.json (of a run, or of
// --json). Throws InputError.
Tensor<double> read_covariance(const std::string& path, std::size_t n);

}  // namespace papillon::apps
