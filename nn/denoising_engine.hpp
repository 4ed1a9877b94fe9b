// What training and inference need of a denoising network: predictions and features of rows, and
// the loss of a batch with its gradient. nn/fused implements it for the paper's network,
// nn/tape_engine.hpp for any other.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "papillon/nn/flat_parameters.hpp"
#include "papillon/nn/time_embedding.hpp"

namespace papillon {

// Writes rows first ... first + n - 1 of the batch: inputs z [n, D] and targets [n, D].
template <class T>
using TileSource = std::function<void(std::size_t first, std::size_t n, T* z, T* target)>;

// What is computed for a set of rows.
enum class EngineOutput { prediction, features };

// What the parameters are set for. Inference multiplies with a copy of the weights (row_products):
// a row's result does not depend, in any bit, on the other rows, on tiles or on timesteps of other
// rows. Training needs no copy, and its products are those of BLAS.
enum class EnginePurpose { inference, training };

template <class T>
class DenoisingEngine {
 public:
  virtual ~DenoisingEngine() = default;
  virtual std::size_t state_dim() const = 0;      // D
  virtual std::size_t feature_count() const = 0;  // H; 0 if the network has no features
  virtual const std::vector<ParameterEntry>& parameters() const = 0;

  // Takes the parameters (flat, as parameters() lists them) that the calls below use; they must
  // outlive them. Call it again after each change. Throws ShapeError.
  virtual void set_parameters(std::span<const T> parameters,
                              EnginePurpose purpose = EnginePurpose::inference) = 0;
  // The slots of a batch: slot s of a row means timesteps[s].
  virtual void set_timesteps(std::span<const int> timesteps) = 0;

  // out: predictions [n, D] or features [n, H] (the values before the output head) of z [n, D].
  // slot: one index for each row, or empty when all rows share the first timestep. Threads may call
  // it at the same time. Throws ArgumentError if the parameters were set for training.
  virtual void forward(std::span<const T> z, std::span<const std::uint32_t> slot, EngineOutput what,
                       std::span<T> out) = 0;

  // The mean over all n D entries of weight[slot] (prediction - target)^2, and its gradient for all
  // parameters. slots must not decrease; weights: one for each slot, or empty for 1. The same bits
  // for any number of threads.
  virtual double loss_and_gradient(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                                   std::span<const T> weights, std::span<T> gradient) = 0;
  // The same loss without the gradient; inference, as forward.
  virtual double loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                      std::span<const T> weights) = 0;

 protected:
  DenoisingEngine() = default;
  DenoisingEngine(DenoisingEngine&&) noexcept = default;
  DenoisingEngine& operator=(DenoisingEngine&&) noexcept = default;
};

// Throws ArgumentError or ShapeError unless there are slots, one weight (or none) for each, and
// each row's is one of them.
template <class T>
void check_batch(std::size_t slots, std::span<const std::uint32_t> slot,
                 std::span<const T> weights);
// Throws ShapeError unless z are rows of D values, with a slot (or none) and an output for each.
template <class T>
void check_forward(const DenoisingEngine<T>& engine, std::span<const T> z,
                   std::span<const std::uint32_t> slot, EngineOutput what, std::span<const T> out);

inline std::size_t ceil_div(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

}  // namespace papillon
