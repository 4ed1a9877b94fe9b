// The paper's network (nn/residual_film_mlp.hpp) in its fast reading: forward and backward over
// tiles of rows that stay in cache, FiLM once for each distinct timestep, BLAS for the products.
// The clear reading is the module itself; tests hold the two equal.
//
// Four observations make it fast:
//  1. FiLM depends on the timestep alone, so its projection is computed once for each distinct
//     timestep of a batch, and so is the gradient of its weights.
//  2. The branch's last layer and gamma fold into one product that accumulates into the residual:
//     x += r (gamma * W2)^T. Its weight gradient is accumulated without gamma, P = dy^T r, from
//     which dW2 = gamma * P and dgamma_j = sum_k W2_jk P_jk (+ bias terms) follow once a step.
//  3. Rows come sorted by timestep, so each row of the FiLM table's gradient belongs to one lane.
//  4. Tiles go to a fixed number of lanes, whose sums are added in a fixed order: the same bits for
//     any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "papillon/nn/fused/layout.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::fused {

template <class T>
struct Network;
template <class T>
struct InferenceWeights;
template <class T>
class TilePool;

// Writes rows first ... first + n - 1 of the batch: inputs z [n, D] and targets [n, D].
template <class T>
using TileSource = std::function<void(std::size_t first, std::size_t n, T* z, T* target)>;

// What the engine computes for a set of rows.
enum class Output { prediction, features };

// What the parameters are set for. Inference multiplies with a copy of the weights (row_products):
// a row's result does not depend, in any bit, on the other rows, on tiles or on timesteps of other
// rows. Training needs no copy, and its products are those of BLAS.
enum class Purpose { inference, training };

template <class T>
class Engine {
 public:
  // tile_rows: how many rows one pass takes; max_lanes: a bound on the partial gradients. Gradients
  // (and the loss beside them) depend in their rounding on both, but not on the number of threads;
  // what inference computes depends on neither.
  explicit Engine(Layout layout, std::size_t tile_rows = 256, std::size_t max_lanes = 16);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const Layout& layout() const { return layout_; }

  // Takes the parameters (layout().size of them) that the calls below use; they must outlive them.
  // Call it again after each change. Throws ShapeError.
  void set_parameters(std::span<const T> parameters, Purpose purpose = Purpose::inference);
  // Computes the FiLM table of these timesteps; slot s of a row means timesteps[s].
  void set_timesteps(std::span<const int> timesteps);

  // out: predictions [n, D] or features [n, H] (the values before the output head) of z [n, D].
  // slot: one index for each row, or empty when all rows share the first timestep. Throws
  // ArgumentError if the parameters were set for training.
  void forward(std::span<const T> z, std::span<const std::uint32_t> slot, Output what,
               std::span<T> out);

  // The mean over all n D entries of weight[slot] (prediction - target)^2, and its gradient for all
  // parameters. slots must not decrease; weights: one for each slot, or empty for 1.
  double loss_and_gradient(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                           std::span<const T> weights, std::span<T> gradient);
  // The same loss without the gradient; inference, as forward.
  double loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
              std::span<const T> weights);

 private:
  Network<T> network() const;
  void copy_weights();
  void check_purpose() const;
  void check(std::span<const std::uint32_t> slot, std::span<const T> weights) const;

  Layout layout_;
  std::size_t tile_rows_, max_lanes_;
  std::span<const T> parameters_;
  bool for_inference_ = false;
  std::unique_ptr<InferenceWeights<T>> inference_;
  std::vector<int> timesteps_;
  Tensor<T> scaled_weight2_;   // gamma * W2, [blocks, H, H]
  Tensor<T> scaled_bias2_;     // gamma * b2, [blocks, H]
  Tensor<T> embedding_cache_;  // rows t < embedded_ are valid
  int embedded_ = 0;
  Tensor<T> embedding_;      // [S, E]
  Tensor<T> film_;           // [blocks, S, 2H]: 1 + scale, shift
  Tensor<T> film_gradient_;  // [blocks, S, 2H]
  Tensor<T> lane_gradient_;  // [lanes, body_size]
  Tensor<T> lane_shared_;    // [lanes, blocks, 2H]
  std::vector<double> lane_loss_, row_loss_;
  std::vector<std::int64_t> lane_shared_slot_;
  std::vector<std::uint32_t> zero_slots_;
  std::unique_ptr<TilePool<T>> tiles_;
};

extern template class Engine<float>;
extern template class Engine<double>;

}  // namespace papillon::fused
