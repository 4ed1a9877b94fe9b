// Where the ensemble around a single run comes from: a static covariance, a diffusion model, or the
// exact posterior that the diffusion model approximates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "papillon/lorenz/assimilation/random_address.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::inline assimilation {

// Row n of the backgrounds is state number addresses[n] (trajectory and cycle): its ensemble
// depends on that and on nothing else in the batch.
class EnsembleSource {
 public:
  virtual ~EnsembleSource() = default;
  virtual std::string description() const = 0;
  virtual std::size_t dimension() const = 0;
  virtual std::size_t members() const = 0;  // M
  // True if many states in one call are quicker than one at a time.
  virtual bool batched() const = 0;
  // Ensembles of states [N, M, D] around backgrounds [N, D], in physical units. Thread-safe. Throws
  // ShapeError, NumericalError.
  Tensor<double> generate(const Tensor<double>& backgrounds,
                          std::span<const RandomAddress> addresses) const;

 private:
  // The same, of backgrounds whose shape is right.
  virtual Tensor<double> make(const Tensor<double>& backgrounds,
                              std::span<const RandomAddress> addresses) const = 0;
};
using SourcePointer = std::shared_ptr<const EnsembleSource>;

}  // namespace papillon::inline assimilation
