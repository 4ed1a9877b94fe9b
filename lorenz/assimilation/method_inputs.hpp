// What a method or a source of ensembles may need besides its own options.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "papillon/lorenz/assimilation/model.hpp"

namespace papillon {
struct DiffusionModel;
}

namespace papillon::inline assimilation {

// How the states of the system are distributed, and some of them.
struct Climate {
  std::vector<double> mean, deviation;           // [D]
  Tensor<double> covariance;                     // [D, D]
  std::shared_ptr<const Tensor<double>> states;  // [n, D]
};

// A program implements this over its files and options; a test over what it has. Everything throws
// InputError for a file that cannot be read or does not fit the system.
class MethodInputs {
 public:
  virtual ~MethodInputs() = default;
  virtual const ModelPointer& model() const = 0;  // of the forecasts
  virtual std::size_t steps_per_cycle() const = 0;
  virtual const Climate& climate() const = 0;
  // The matrix [D, D] that the values of an option stand for: "climatology", a file, or D^2
  // numbers. Throws ArgumentError for anything else.
  virtual Tensor<double> covariance(const std::vector<std::string>& values) const = 0;
  virtual std::shared_ptr<const DiffusionModel> diffusion_model(const std::string& file) const = 0;
  virtual std::shared_ptr<const Tensor<float>> states(const std::string& file) const = 0;

  std::size_t dimension() const { return climate().mean.size(); }  // D
};

}  // namespace papillon::inline assimilation
