// Features of a surrogate: a fixed map from states to the inputs of its readout.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/nn/fourier_features.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/nn/time_embedding.hpp"

namespace papillon {
class Network;  // diffusion/network.hpp
}

namespace papillon::inline surrogate {

// A map from normalised states [n, D] to features [n, F], in two readings: plain numbers, fast, and
// Vars, for derivatives.
class Features {
 public:
  virtual ~Features() = default;
  virtual std::size_t dimension() const = 0;  // D
  virtual std::size_t size() const = 0;       // F
  virtual std::string name() const = 0;       // "network at t = 0, 400"; "polynomials of degree 4"

  // Row i of the features goes to out + i ld. On the calling thread; several may call at once.
  virtual void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const = 0;
  virtual Var<float> operator()(const Var<float>& states) const = 0;
  virtual Var<double> operator()(const Var<double>& states) const = 0;

  // What a file keeps: what they are, settings as text, weights; or the parts of a concatenation.
  virtual std::string kind() const = 0;
  virtual std::map<std::string, std::string> settings() const { return {}; }
  virtual StateDict<float> weights() const { return {}; }
  virtual std::vector<std::shared_ptr<const Features>> parts() const { return {}; }
};
// Surrogates share them.
using FeaturesPtr = std::shared_ptr<const Features>;

// The states themselves.
FeaturesPtr identity_features(std::size_t dimension);

// All monomials of degree 1 to `degree`, by degree, each degree in the order x1^p, x1^(p-1) x2,
// ...: 34 of degree 4 in three variables. Throws ArgumentError if there are none or more than
// 65,536.
FeaturesPtr polynomial_features(std::size_t dimension, std::size_t degree);

// As FourierFeatures.
FeaturesPtr random_fourier_features(std::size_t dimension, const FourierOptions& options);

// The hidden values of a diffusion network at each of the timesteps (Finn et al. 2024, section
// 3.2), [n, H K]. evaluate() computes them in single precision, whatever the number type. Throws
// ArgumentError (no timestep, a negative one, a network without features).
FeaturesPtr network_features(const Network& network, Timesteps timesteps);

// One after the other; of one part: that part. Throws ArgumentError (none, different dimensions).
FeaturesPtr concatenated_features(std::vector<FeaturesPtr> parts);

// Features of rows [N, D], over threads.
Tensor<double> evaluate(const Features& features, const Tensor<float>& states);

}  // namespace papillon::inline surrogate
