// A surrogate: a model that steps a dynamical system by a fixed time, learned from trajectories.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/lorenz/surrogate/readout.hpp"

namespace papillon::inline surrogate {

// x(t + time_step) = x(t) + scale * readout(features((x(t) - shift) / scale)). A value that is
// cheap to copy; steps may be taken from several threads at once.
class Surrogate {
 public:
  // time_step: in the system's unit of time. Throws ArgumentError, ShapeError.
  Surrogate(FeaturesPtr features, ReadoutPtr readout, std::vector<double> shift,
            std::vector<double> scale, double time_step);

  // What it was made of; dimension: components of a state.
  std::size_t dimension() const { return shift_.size(); }
  double time_step() const { return time_step_; }
  const Features& features() const { return *features_; }
  const Readout& readout() const { return *readout_; }
  const std::vector<double>& shift() const { return shift_; }
  const std::vector<double>& scale() const { return scale_; }

  // One step of states [N, D] in physical units, over threads. Whatever T is, the arithmetic is in
  // double but for networks, which compute in single precision. Throws ShapeError.
  template <class T>
  Tensor<T> step(const Tensor<T>& states) const;
  // The same as a differentiable op, all in T: jvp of it is the tangent-linear model, vjp the
  // adjoint.
  template <class T>
  Var<T> step(const Var<T>& states) const;
  // Rows first ... first + n - 1 of states [N, D], normalised; and back to physical units.
  template <class T>
  Tensor<double> normalised(const Tensor<T>& states, std::size_t first, std::size_t n) const;
  double physical(double normalised, std::size_t component) const {
    return normalised * scale_[component] + shift_[component];
  }
  // n normalised states, one step in place, on the calling thread.
  void advance(std::size_t n, double* normalised_states) const;

  std::map<std::string, std::string> training;  // how it was made; free text, kept in the file

 private:
  FeaturesPtr features_;
  ReadoutPtr readout_;
  std::vector<double> shift_, scale_;
  double time_step_;
};

// safetensors with all that a step needs, frozen weights included: loads back to the same bits.
// Throws OutputError.
void save_surrogate(const std::filesystem::path& path, const Surrogate& surrogate);
// Throws InputError that names the file.
Surrogate load_surrogate(const std::filesystem::path& path);

}  // namespace papillon::inline surrogate
