#include "papillon/nn/fused/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/nn/internal/fused_tile.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::fused {
namespace {

constexpr std::size_t film_rows = 128;  // rows of the FiLM table that a task takes

// Embeddings of timesteps below this are computed once and kept (8 MiB for 512 floats each).
constexpr int cached_timesteps = 4096;

}  // namespace

template <class T>
Engine<T>::Engine(Layout layout, std::size_t tile_rows, std::size_t max_lanes)
    : layout_(std::move(layout)),
      tile_rows_(tile_rows),
      max_lanes_(max_lanes),
      zero_slots_(tile_rows, 0),
      tiles_(std::make_unique<TilePool<T>>()) {
  if (tile_rows == 0 || max_lanes == 0)
    throw ArgumentError("fused engine: tile_rows and max_lanes must be positive");
  if (layout_.embedding < 4 || layout_.embedding % 2 != 0)
    throw ArgumentError("fused engine: the embedding must be even and at least 4 wide");
}
template <class T>
Engine<T>::~Engine() = default;
template <class T>
Engine<T>::Engine(Engine&&) noexcept = default;
template <class T>
Engine<T>& Engine<T>::operator=(Engine&&) noexcept = default;

template <class T>
void Engine<T>::set_parameters(std::span<const T> parameters, Purpose purpose) {
  if (parameters.size() != layout_.size)
    throw ShapeError(fmt::format("fused engine: {} parameters where the network has {}",
                                 parameters.size(), layout_.size));
  parameters_ = parameters;
  const std::size_t h = layout_.hidden;
  scaled_weight2_.resize({layout_.blocks.size(), h, h});
  scaled_bias2_.resize({layout_.blocks.size(), h});
  for (std::size_t l = 0; l < layout_.blocks.size(); ++l) {
    const auto& block = layout_.blocks[l];
    for (std::size_t i = 0; i < h; ++i) {
      const T gamma = parameters[block.gamma + i];
      const T* w = &parameters[block.weight2 + i * h];
      T* out = scaled_weight2_.data() + (l * h + i) * h;
      for (std::size_t j = 0; j < h; ++j) out[j] = gamma * w[j];
      scaled_bias2_[l * h + i] = gamma * parameters[block.bias2 + i];
    }
  }
  for_inference_ = purpose == Purpose::inference;
  if (for_inference_) copy_weights();
}

template <class T>
void Engine<T>::copy_weights() {
  const std::size_t d = layout_.state_dim, h = layout_.hidden, e = layout_.embedding;
  const T* p = parameters_.data();
  if (!inference_) inference_ = std::make_unique<InferenceWeights<T>>();
  inference_->input.set(h, d, p + layout_.input_weight, d);
  inference_->output.set(d, h, p + layout_.output_weight, h);
  inference_->blocks.resize(layout_.blocks.size());
  for (std::size_t l = 0; l < layout_.blocks.size(); ++l) {
    auto& block = inference_->blocks[l];
    block.first.set(h, h, p + layout_.blocks[l].weight1, h);
    block.second.set(h, h, scaled_weight2_.data() + l * h * h, h);
    block.film.set(2 * h, e, p + layout_.blocks[l].film_weight, e);
  }
}

template <class T>
void Engine<T>::check_purpose() const {
  if (!for_inference_)
    throw ArgumentError("fused engine: the parameters were not set for inference");
}

template <class T>
void Engine<T>::set_timesteps(std::span<const int> timesteps) {
  if (parameters_.empty()) throw ArgumentError("fused engine: timesteps before parameters");
  const std::size_t e = layout_.embedding, h2 = 2 * layout_.hidden, s = timesteps.size();
  if (!std::equal(timesteps.begin(), timesteps.end(), timesteps_.begin(), timesteps_.end())) {
    timesteps_.assign(timesteps.begin(), timesteps.end());
    embedding_.resize({s, e});
    const int largest = s == 0 ? 0 : *std::max_element(timesteps.begin(), timesteps.end());
    for (const int t : timesteps)
      if (t < 0) throw ArgumentError(fmt::format("fused engine: timestep {} is negative", t));
    if (largest < cached_timesteps && embedded_ <= largest) {
      embedding_cache_.resize({static_cast<std::size_t>(cached_timesteps), e});
      for (; embedded_ <= largest; ++embedded_)
        embed_timestep(embedded_, e,
                       embedding_cache_.data() + static_cast<std::size_t>(embedded_) * e);
    }
    for (std::size_t i = 0; i < s; ++i) {
      const int t = timesteps[i];
      T* row = embedding_.data() + i * e;
      if (t < embedded_)
        std::copy_n(embedding_cache_.data() + static_cast<std::size_t>(t) * e, e, row);
      else
        embed_timestep(t, e, row);
    }
  }
  film_.resize({layout_.blocks.size(), s, h2});
  const std::size_t chunks = ceil_div(s, film_rows);
  const SingleThreadedBlas guard;
  parallel_for(layout_.blocks.size() * chunks, [&](std::size_t task) {
    const std::size_t l = task / chunks, first = (task % chunks) * film_rows;
    const std::size_t n = std::min(film_rows, s - first);
    T* table = film_.data() + (l * s + first) * h2;
    const T* bias = &parameters_[layout_.blocks[l].film_bias];
    const T* embedded = embedding_.data() + first * e;
    if (for_inference_)
      inference_->blocks[l].film.product(n, embedded, e, table, h2);
    else
      gemm(Transpose::no, Transpose::yes, n, h2, e, T(1), embedded, e,
           &parameters_[layout_.blocks[l].film_weight], e, T(0), table, h2);
    for (std::size_t i = 0; i < n; ++i) {
      T* row = table + i * h2;
      for (std::size_t j = 0; j < h2; ++j) row[j] += bias[j];
      for (std::size_t j = 0; j < h2 / 2; ++j) row[j] += T(1);
    }
  });
}

template <class T>
Network<T> Engine<T>::network() const {
  return {layout_,
          parameters_.data(),
          scaled_weight2_.data(),
          scaled_bias2_.data(),
          film_.data(),
          timesteps_.size(),
          for_inference_ ? inference_.get() : nullptr};
}

template <class T>
void Engine<T>::forward(std::span<const T> z, std::span<const std::uint32_t> slot, Output what,
                        std::span<T> out) {
  check_forward<T>(*this, z, slot, what, out);
  const std::size_t d = layout_.state_dim, h = layout_.hidden, n = z.size() / d;
  check_purpose();
  check_batch<T>(timesteps_.size(), slot, {});
  const Network<T> net = network();
  parallel_for(ceil_div(n, tile_rows_), [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
    const auto t = tiles_->take(layout_, tile_rows_);
    std::copy_n(&z[first * d], rows * d, t->z.data());
    fused::forward(net, *t, rows, slot.empty() ? zero_slots_.data() : &slot[first], false);
    if (what == Output::prediction)
      predict(net, *t, rows, &out[first * d]);
    else
      std::copy_n(t->x.data(), rows * h, &out[first * h]);
  });
}

template class Engine<float>;
template class Engine<double>;

}  // namespace papillon::fused
