// Sources of ensembles around a single state: a static covariance, a diffusion model, or the exact
// posterior that the diffusion model approximates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "papillon/lorenz/assimilation/random_address.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::inline assimilation {

struct SourceTraits {
  std::string description;
  std::size_t dimension, members;
  bool batched;  // one call with many states is faster than many calls with one
};

// Row n of the backgrounds is state number addresses[n] (trajectory and cycle): its ensemble
// depends on that and on nothing else in the batch.
class EnsembleSource {
 public:
  virtual ~EnsembleSource() = default;
  const std::string& description() const { return traits_.description; }
  std::size_t dimension() const { return traits_.dimension; }
  std::size_t members() const { return traits_.members; }  // M
  bool batched() const { return traits_.batched; }
  // Ensembles of states [N, M, D] around backgrounds [N, D], in physical units. Thread-safe. Throws
  // ShapeError, NumericalError.
  Tensor<double> generate(const Tensor<double>& backgrounds,
                          std::span<const RandomAddress> addresses) const;

 protected:
  SourceTraits traits_{};  // set by constructors

 private:
  // Fills ensembles [N, M, D]; the shape of the backgrounds has been checked.
  virtual void fill(const Tensor<double>& backgrounds, std::span<const RandomAddress> addresses,
                    Tensor<double>& ensembles) const = 0;
};
using SourcePointer = std::shared_ptr<const EnsembleSource>;

}  // namespace papillon::inline assimilation
