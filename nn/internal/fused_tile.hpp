// One tile of rows through the paper's network and back, in a working set that stays in cache.
// The engine (engine.hpp) drives these passes over threads.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "papillon/nn/fused/layout.hpp"
#include "papillon/nn/internal/fused_kernels.hpp"
#include "papillon/tensor/row_products.hpp"
#include "papillon/tensor/tensor.hpp"

namespace papillon::fused {

// The weights as inference multiplies with them: a row's result depends on that row alone.
template <class T>
struct InferenceWeights {
  struct Block {
    RowWeights<T> first, second, film;  // second: gamma * W2
  };
  RowWeights<T> input, output;
  std::vector<Block> blocks;
};

// One matrix of weights, W [out, in], for training and for inference.
template <class T>
struct Weights {
  std::size_t out, in;
  const T* matrix;
  const RowWeights<T>* rows;  // null: products by BLAS, for training
};

// What the passes read: the parameters, and what follows from them once for a batch.
template <class T>
struct Network {
  const Layout& layout;
  const T* parameters;
  const T* scaled_weight2;  // gamma * W2, [blocks, H, H]
  const T* scaled_bias2;    // gamma * b2, [blocks, H]
  const T* film;            // [blocks, slots, 2H]: 1 + scale, then shift
  std::size_t slots;
  const InferenceWeights<T>* inference;  // null for training

  const T* film_table(std::size_t block) const { return film + block * slots * 2 * layout.hidden; }
  Weights<T> input() const {
    return {layout.hidden, layout.state_dim, parameters + layout.input_weight,
            inference ? &inference->input : nullptr};
  }
  Weights<T> first(std::size_t block) const {
    return {layout.hidden, layout.hidden, parameters + layout.blocks[block].weight1,
            inference ? &inference->blocks[block].first : nullptr};
  }
  Weights<T> second(std::size_t block) const {
    return {layout.hidden, layout.hidden, scaled_weight2 + block * layout.hidden * layout.hidden,
            inference ? &inference->blocks[block].second : nullptr};
  }
  Weights<T> output() const {
    return {layout.state_dim, layout.hidden, parameters + layout.output_weight,
            inference ? &inference->output : nullptr};
  }
};

// The activations of a tile; they stay here between forward and backward.
template <class T>
struct Tile {
  Tile(const Layout& layout, std::size_t tile_rows);
  T* at(Tensor<T>& t, std::size_t block) { return t.data() + block * rows * width; }

  Tensor<T> z, target, prediction;  // [rows, D]; prediction becomes its gradient
  Tensor<T> x;                      // [rows, H], the residual stream
  Tensor<T> d1, d2;                 // gradients
  Tensor<T> activation;             // [blocks, rows, H], FiLM's output, the input of branch.0
  Tensor<T> normalised;             // LayerNorm's output
  Tensor<T> hidden;                 // relu(branch.0)
  Tensor<T> rstd;                   // [blocks, rows]
  std::size_t rows, width;
};

// t.z -> t.x, the features, of the first n rows; with keep, what backward needs stays in the tile.
// slot: each row's row of the FiLM tables.
template <class T>
void forward(const Network<T>& network, Tile<T>& t, std::size_t n, const std::uint32_t* slot,
             bool keep);

// t.x -> prediction [n, D]
template <class T>
void predict(const Network<T>& network, Tile<T>& t, std::size_t n, T* prediction);

// Each row's weighted sum of squares, weights[slot] (1 if empty) times (t.prediction - t.target)^2.
template <class T>
void row_losses(const Network<T>& network, const Tile<T>& t, std::size_t n,
                const std::uint32_t* slot, std::span<const T> weights, double* losses);

// The sum of weighted squares over the tile, weights[slot] (1 if empty) times (t.prediction -
// t.target)^2. t.prediction becomes the gradient of gradient_scale / 2 times that sum.
template <class T>
double weighted_residual(const Network<T>& network, Tile<T>& t, std::size_t n,
                         const std::uint32_t* slot, std::span<const T> weights, T gradient_scale);

// Where a lane's tiles put their gradients.
template <class T>
struct LaneGradient {
  T* body;    // [layout.body_size]; written by the first tile, added to by the others
  T* film;    // the tables of all lanes, [blocks, slots, 2H], added to
  T* shared;  // this lane's part of a slot that the lane before has too, [blocks, 2H]
  std::int64_t shared_slot;  // which slot that is; -1: none
};

// From t.prediction, the gradient of the loss, to that of the body's parameters and of the FiLM
// tables. Those of branch.2 and gamma come without gamma: see unfold_gamma in loss.cpp.
template <class T>
void backward(const Network<T>& network, Tile<T>& t, std::size_t n, const std::uint32_t* slot,
              const LaneGradient<T>& gradient, bool first);

// Object pool of tiles; a lease returns its tile on destruction.
template <class T>
class TilePool {
 public:
  struct Return {
    TilePool* pool;
    void operator()(Tile<T>* tile) const;
  };
  using Lease = std::unique_ptr<Tile<T>, Return>;

  TilePool() { free_.reserve(256); }
  Lease take(const Layout& layout, std::size_t rows);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Tile<T>>> free_;
};

}  // namespace papillon::fused
