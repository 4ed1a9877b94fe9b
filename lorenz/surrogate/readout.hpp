// What turns features into the increment of a state.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/lorenz/surrogate/ridge.hpp"
#include "papillon/nn/mlp.hpp"
#include "papillon/nn/residual_mlp.hpp"
#include "papillon/nn/safetensors.hpp"

namespace papillon::inline surrogate {

// From features [n, F] to normalised increments [n, D], in two readings as Features.
class Readout {
 public:
  virtual ~Readout() = default;
  virtual std::size_t inputs() const = 0;      // F
  virtual std::size_t outputs() const = 0;     // D
  virtual std::size_t parameters() const = 0;  // how many numbers are fitted
  virtual std::string kind() const = 0;        // "linear", "mlp", "residual"

  // Rows are ld apart in features and D apart in out. On the calling thread; several may call.
  virtual void apply(std::size_t n, const double* features, std::size_t ld, double* out) const = 0;
  virtual Var<float> operator()(const Var<float>& features) const = 0;
  virtual Var<double> operator()(const Var<double>& features) const = 0;

  // The values before the last layer, [n, H]; throws ArgumentError where there are none.
  virtual Tensor<float> hidden(const Tensor<float>& features) const;

  // Adds its tensors, under names that begin with "readout.".
  virtual void save(SafetensorsFile& file) const = 0;
};
// Surrogates share it.
using ReadoutPtr = std::shared_ptr<const Readout>;

// offset + W x, in double precision: with a small lambda, weights are large and cancel.
ReadoutPtr linear_readout(const RidgeFit& fit);
ReadoutPtr linear_readout(Tensor<double> weight, Tensor<double> offset);

// A network in single precision, applied to (features - centre) / scale.
struct Standardisation {
  Tensor<double> centre, scale;  // [F] each; empty: features are taken as they are
};
ReadoutPtr mlp_readout(const Mlp<float>& network, Standardisation units = {});
ReadoutPtr residual_readout(const ResidualMlp<float>& network, Standardisation units = {});

// The readout that save() wrote. Throws InputError (without the file's name).
ReadoutPtr load_readout(const std::string& kind, const SafetensorsFile& file);

}  // namespace papillon::inline surrogate
