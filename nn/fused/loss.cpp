// The loss of a batch and its gradient: tiles go to lanes, lanes to threads, and what the lanes
// collected is added in their order.
#include <fmt/format.h>

#include <algorithm>

#include "papillon/nn/fused/engine.hpp"
#include "papillon/nn/internal/fused_tile.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::fused {
namespace {

// From P = dy^T r and q = sum dy to the gradients of W2, b2 and gamma, with u = r W2^T + b2 and
// y = gamma u: dW2 = gamma P, db2 = gamma q, dgamma_j = sum_i dy_ij u_ij = sum_k W2_jk P_jk + b2_j
// q_j.
template <class T>
void unfold_gamma(const Layout& layout, std::span<const T> parameters, std::span<T> gradient) {
  const std::size_t h = layout.hidden;
  parallel_for(layout.blocks.size(), [&](std::size_t l) {
    const auto& block = layout.blocks[l];
    for (std::size_t j = 0; j < h; ++j) {
      const T gamma = parameters[block.gamma + j];
      T* dw = &gradient[block.weight2 + j * h];
      const T* w = &parameters[block.weight2 + j * h];
      T& q = gradient[block.bias2 + j];
      double dgamma = static_cast<double>(parameters[block.bias2 + j]) * static_cast<double>(q);
      for (std::size_t k = 0; k < h; ++k) {
        dgamma += static_cast<double>(w[k]) * static_cast<double>(dw[k]);
        dw[k] *= gamma;
      }
      q *= gamma;
      gradient[block.gamma + j] = static_cast<T>(dgamma);
    }
  });
}

// From the gradient of the FiLM tables [blocks, S, 2H] to that of the projections of the embeddings
// [S, E], once a step.
template <class T>
void film_projection_gradient(const Layout& layout, const Tensor<T>& tables,
                              const Tensor<T>& embedding, std::span<T> gradient) {
  constexpr std::size_t rows_a_task = 128;
  const std::size_t e = layout.embedding, h2 = 2 * layout.hidden, s = embedding.shape()[0];
  const std::size_t chunks = ceil_div(h2, rows_a_task);
  parallel_for(layout.blocks.size() * chunks, [&](std::size_t task) {
    const std::size_t l = task / chunks, first = (task % chunks) * rows_a_task;
    const std::size_t n = std::min(rows_a_task, h2 - first);
    const T* table = tables.data() + l * s * h2;
    gemm(Transpose::yes, Transpose::no, n, e, s, T(1), table + first, h2, embedding.data(), e, T(0),
         &gradient[layout.blocks[l].film_weight + first * e], e);
    T* bias = &gradient[layout.blocks[l].film_bias + first];
    std::fill_n(bias, n, T(0));
    for (std::size_t i = 0; i < s; ++i) accumulate(n, table + i * h2 + first, bias);
  });
}

// The sum of the gradients of all lanes, [lanes, size], in their order.
template <class T>
void sum_lanes(const Tensor<T>& lane_gradients, std::span<T> gradient) {
  constexpr std::size_t chunk = 1 << 14;
  const std::size_t size = lane_gradients.extent(1);
  parallel_for(ceil_div(size, chunk), [&](std::size_t c) {
    const std::size_t first = c * chunk, count = std::min(chunk, size - first);
    std::copy_n(lane_gradients.data() + first, count, &gradient[first]);
    for (std::size_t lane = 1; lane < lane_gradients.extent(0); ++lane)
      accumulate(count, lane_gradients.data() + lane * size + first, &gradient[first]);
  });
}

}  // namespace

template <class T>
double Engine<T>::loss_and_gradient(std::span<const std::uint32_t> slot,
                                    const TileSource<T>& source, std::span<const T> weights,
                                    std::span<T> gradient) {
  const std::size_t n = slot.size(), d = layout_.state_dim, h2 = 2 * layout_.hidden;
  check_batch<T>(timesteps_.size(), slot, weights);
  if (gradient.size() != layout_.size)
    throw ShapeError(
        fmt::format("fused engine: {} gradients for {} parameters", gradient.size(), layout_.size));
  if (n == 0 || !std::is_sorted(slot.begin(), slot.end()))
    throw ArgumentError("fused engine: a batch needs rows, sorted by their slot");

  const std::size_t tiles = ceil_div(n, tile_rows_), lanes = std::min(tiles, max_lanes_);
  const std::size_t blocks = layout_.blocks.size(), body = layout_.body_size;
  lane_gradient_.resize({lanes, body});
  lane_shared_.resize({lanes, blocks, h2});
  lane_loss_.assign(lanes, 0.0);
  lane_shared_slot_.assign(lanes, -1);
  film_gradient_.resize({blocks, timesteps_.size(), h2});
  const T scale = T(2) / static_cast<T>(n * d);

  const Network<T> net = network();
  const SingleThreadedBlas guard;
  parallel_for(blocks, [&](std::size_t l) {
    const std::size_t size = timesteps_.size() * h2;
    std::fill_n(film_gradient_.data() + l * size, size, T(0));
  });
  parallel_for(lanes, [&](std::size_t lane) {
    const std::size_t begin = lane * tiles / lanes, end = (lane + 1) * tiles / lanes;
    const std::size_t row0 = begin * tile_rows_;
    if (row0 > 0 && slot[row0] == slot[row0 - 1]) lane_shared_slot_[lane] = slot[row0];
    const LaneGradient<T> out{lane_gradient_.data() + lane * body, film_gradient_.data(),
                              lane_shared_.data() + lane * blocks * h2, lane_shared_slot_[lane]};
    std::fill_n(out.shared, blocks * h2, T(0));
    const auto t = tiles_->take(layout_, tile_rows_);
    for (std::size_t tile = begin; tile < end; ++tile) {
      const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
      source(first, rows, t->z.data(), t->target.data());
      fused::forward(net, *t, rows, &slot[first], true);
      predict(net, *t, rows, t->prediction.data());
      lane_loss_[lane] += weighted_residual(net, *t, rows, &slot[first], weights, scale);
      backward(net, *t, rows, &slot[first], out, tile == begin);
    }
  });

  sum_lanes(lane_gradient_, gradient);
  double total = 0;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    total += lane_loss_[lane];
    if (lane_shared_slot_[lane] < 0) continue;
    for (std::size_t l = 0; l < blocks; ++l)
      accumulate(
          h2, lane_shared_.data() + (lane * blocks + l) * h2,
          film_gradient_.data() +
              (l * timesteps_.size() + static_cast<std::size_t>(lane_shared_slot_[lane])) * h2);
  }
  unfold_gamma(layout_, parameters_, gradient);
  film_projection_gradient(layout_, film_gradient_, embedding_, gradient);
  return total / static_cast<double>(n * d);
}

template <class T>
double Engine<T>::loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                       std::span<const T> weights) {
  const std::size_t n = slot.size();
  check_purpose();
  check_batch<T>(timesteps_.size(), slot, weights);
  if (n == 0) throw ArgumentError("fused engine: a batch needs rows");
  row_loss_.resize(n);
  const Network<T> net = network();
  parallel_for(ceil_div(n, tile_rows_), [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
    const auto t = tiles_->take(layout_, tile_rows_);
    source(first, rows, t->z.data(), t->target.data());
    fused::forward(net, *t, rows, &slot[first], false);
    predict(net, *t, rows, t->prediction.data());
    row_losses(net, *t, rows, &slot[first], weights, &row_loss_[first]);
  });
  double total = 0;
  for (const double l : row_loss_) total += l;
  return total / static_cast<double>(n * layout_.state_dim);
}

#define PAPILLON_INSTANTIATE(T)                                                                \
  template double Engine<T>::loss_and_gradient(                                                \
      std::span<const std::uint32_t>, const TileSource<T>&, std::span<const T>, std::span<T>); \
  template double Engine<T>::loss(std::span<const std::uint32_t>, const TileSource<T>&,        \
                                  std::span<const T>);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon::fused
