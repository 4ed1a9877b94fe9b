// Optimised implementation of the paper's network (nn/residual_film_mlp.hpp): forward and backward
// over tiles of rows that stay in cache, FiLM once for each distinct timestep, BLAS for the
// products. The module is the reference implementation; tests hold the two equal.
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
#include <memory>
#include <span>
#include <vector>

#include "papillon/nn/denoising_engine.hpp"
#include "papillon/nn/fused/layout.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::fused {

template <class T>
struct Network;
template <class T>
struct InferenceWeights;
template <class T>
class TilePool;

using Output = EngineOutput;
using Purpose = EnginePurpose;
using papillon::TileSource;

template <class T>
class Engine final : public DenoisingEngine<T> {
 public:
  // tile_rows: how many rows one pass takes; max_lanes: a bound on the partial gradients. Gradients
  // (and the loss beside them) depend in their rounding on both, but not on the number of threads;
  // what inference computes depends on neither.
  explicit Engine(Layout layout, std::size_t tile_rows = 256, std::size_t max_lanes = 16);
  ~Engine() override;
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  const Layout& layout() const { return layout_; }
  std::size_t state_dim() const override { return layout_.state_dim; }
  std::size_t feature_count() const override { return layout_.hidden; }
  const std::vector<ParameterEntry>& parameters() const override { return layout_.entries; }

  void set_parameters(std::span<const T> parameters, Purpose purpose = Purpose::inference) override;
  // Computes the FiLM table of these timesteps.
  void set_timesteps(std::span<const int> timesteps) override;
  void forward(std::span<const T> z, std::span<const std::uint32_t> slot, Output what,
               std::span<T> out) override;
  double loss_and_gradient(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                           std::span<const T> weights, std::span<T> gradient) override;
  double loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
              std::span<const T> weights) override;

 private:
  Network<T> network() const;
  void copy_weights();
  void check_purpose() const;

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
