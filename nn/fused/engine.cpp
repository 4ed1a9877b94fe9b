#include "papillon/nn/fused/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "papillon/nn/fused/kernels.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::fused {
namespace {

constexpr double layer_norm_epsilon = 1e-5;
constexpr std::size_t film_rows = 128;  // rows of the FiLM table (or of its weights) a task takes

constexpr auto no = Transpose::no;
constexpr auto yes = Transpose::yes;

// Embeddings of timesteps below this are computed once and kept (8 MiB for 512 floats each).
constexpr int cached_timesteps = 4096;

// sin then cos of t f_k, f_k = exp(-k ln(10000) / (half - 1)): Vaswani et al. (2017), section 3.5.
template <class T>
void embed(int t, std::size_t width, T* out) {
  const std::size_t half = width / 2;
  for (std::size_t k = 0; k < half; ++k) {
    const double frequency =
        std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(half - 1));
    out[k] = static_cast<T>(std::sin(t * frequency));
    out[half + k] = static_cast<T>(std::cos(t * frequency));
  }
}

std::size_t ceil_div(std::size_t a, std::size_t b) {
  return (a + b - 1) / b;
}

}  // namespace

// What one tile needs: its activations stay here between forward and backward.
template <class T>
struct Engine<T>::Scratch {
  Scratch(const Layout& l, std::size_t tile_rows)
      : z(Shape{tile_rows, l.state_dim}),
        target(Shape{tile_rows, l.state_dim}),
        prediction(Shape{tile_rows, l.state_dim}),
        x(Shape{tile_rows, l.hidden}),
        d1(Shape{tile_rows, l.hidden}),
        d2(Shape{tile_rows, l.hidden}),
        activation(Shape{l.blocks.size(), tile_rows, l.hidden}),
        normalised(Shape{l.blocks.size(), tile_rows, l.hidden}),
        hidden(Shape{l.blocks.size(), tile_rows, l.hidden}),
        rstd(Shape{l.blocks.size(), tile_rows}),
        rows(tile_rows),
        width(l.hidden) {}
  T* at(Tensor<T>& t, std::size_t block) { return t.data() + block * rows * width; }

  Tensor<T> z, target, prediction;  // [rows, D]; prediction becomes its gradient
  Tensor<T> x;                      // the residual stream
  Tensor<T> d1, d2;                 // gradients
  Tensor<T> activation;             // FiLM's output, the input of branch.0
  Tensor<T> normalised;             // LayerNorm's output
  Tensor<T> hidden;                 // relu(branch.0)
  Tensor<T> rstd;
  std::size_t rows, width;
};

template <class T>
struct Engine<T>::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Scratch>> free;
};

// A scratch for as long as it lives; they are kept for the next tile, whichever thread takes it.
template <class T>
struct Engine<T>::ScratchLease {
  ScratchLease(Pool& p, const Layout& layout, std::size_t rows) : pool(p) {
    {
      const std::lock_guard lock(pool.mutex);
      if (!pool.free.empty()) {
        scratch = std::move(pool.free.back());
        pool.free.pop_back();
      }
    }
    if (!scratch) scratch = std::make_unique<Scratch>(layout, rows);
  }
  ~ScratchLease() {
    const std::lock_guard lock(pool.mutex);
    pool.free.push_back(std::move(scratch));
  }
  Scratch& operator*() { return *scratch; }

  Pool& pool;
  std::unique_ptr<Scratch> scratch;
};

template <class T>
Engine<T>::Engine(Layout layout, std::size_t tile_rows, std::size_t max_lanes)
    : layout_(std::move(layout)),
      tile_rows_(tile_rows),
      max_lanes_(max_lanes),
      zero_slots_(tile_rows, 0),
      pool_(std::make_unique<Pool>()) {
  if (tile_rows == 0 || max_lanes == 0)
    throw ArgumentError("fused engine: tile_rows and max_lanes must be positive");
  if (layout_.embedding < 4 || layout_.embedding % 2 != 0)
    throw ArgumentError("fused engine: the embedding must be even and at least 4 wide");
  pool_->free.reserve(256);
}
template <class T>
Engine<T>::~Engine() = default;
template <class T>
Engine<T>::Engine(Engine&&) noexcept = default;
template <class T>
Engine<T>& Engine<T>::operator=(Engine&&) noexcept = default;

template <class T>
void Engine<T>::set_parameters(std::span<const T> parameters) {
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
        embed(embedded_, e, embedding_cache_.data() + static_cast<std::size_t>(embedded_) * e);
    }
    for (std::size_t i = 0; i < s; ++i) {
      const int t = timesteps[i];
      T* row = embedding_.data() + i * e;
      if (t < embedded_)
        std::copy_n(embedding_cache_.data() + static_cast<std::size_t>(t) * e, e, row);
      else
        embed(t, e, row);
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
    gemm(no, yes, n, h2, e, T(1), embedding_.data() + first * e, e,
         &parameters_[layout_.blocks[l].film_weight], e, T(0), table, h2);
    for (std::size_t i = 0; i < n; ++i) {
      T* row = table + i * h2;
      for (std::size_t j = 0; j < h2; ++j) row[j] += bias[j];
      for (std::size_t j = 0; j < h2 / 2; ++j) row[j] += T(1);
    }
  });
}

template <class T>
const T* Engine<T>::film_table(std::size_t block) const {
  return film_.data() + block * timesteps_.size() * 2 * layout_.hidden;
}

// s.z -> s.x, the features; with keep, what the backward pass needs stays in s.
template <class T>
void Engine<T>::forward_tile(Scratch& s, std::size_t n, const std::uint32_t* slot,
                             bool keep) const {
  const std::size_t d = layout_.state_dim, h = layout_.hidden;
  const T* p = parameters_.data();
  gemm(no, yes, n, h, d, T(1), s.z.data(), d, p + layout_.input_weight, d, T(0), s.x.data(), h);
  const T* pending = p + layout_.input_bias;
  for (std::size_t l = 0; l < layout_.blocks.size(); ++l) {
    const auto& block = layout_.blocks[l];
    T* a = s.at(s.activation, keep ? l : 0);
    T* r = s.at(s.hidden, keep ? l : 0);
    normalise_film(n, h, s.x.data(), pending, film_table(l), slot, T(layer_norm_epsilon),
                   keep ? s.at(s.normalised, l) : nullptr,
                   keep ? s.rstd.data() + l * s.rows : nullptr, a);
    gemm(no, yes, n, h, h, T(1), a, h, p + block.weight1, h, T(0), r, h);
    bias_relu(n, h, r, p + block.bias1);
    gemm(no, yes, n, h, h, T(1), r, h, scaled_weight2_.data() + l * h * h, h, T(1), s.x.data(), h);
    pending = scaled_bias2_.data() + l * h;
  }
  add_bias(n, h, s.x.data(), pending);
}

template <class T>
void Engine<T>::predict_tile(Scratch& s, std::size_t n, T* prediction) const {
  const std::size_t d = layout_.state_dim, h = layout_.hidden;
  const T* p = parameters_.data();
  gemm(no, yes, n, d, h, T(1), s.x.data(), h, p + layout_.output_weight, h, T(0), prediction, d);
  add_bias(n, d, prediction, p + layout_.output_bias);
}

// The sum of weighted squares over the tile; s.prediction becomes the gradient of the loss.
template <class T>
double Engine<T>::residual_tile(Scratch& s, std::size_t n, const std::uint32_t* slot,
                                std::span<const T> weights, T gradient_scale) const {
  const std::size_t d = layout_.state_dim;
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const T w = weights.empty() ? T(1) : weights[slot[i]];
    for (std::size_t j = 0; j < d; ++j) {
      const T r = s.prediction[i * d + j] - s.target[i * d + j];
      total += static_cast<double>(w) * static_cast<double>(r) * static_cast<double>(r);
      s.prediction[i * d + j] = gradient_scale * w * r;
    }
  }
  return total;
}

// Adds (beta = 1) or writes (beta = 0) the tile's gradient of the body's parameters.
template <class T>
void Engine<T>::backward_tile(Scratch& s, std::size_t n, const std::uint32_t* slot, T* body,
                              T* shared, std::int64_t shared_slot, T beta) {
  const std::size_t d = layout_.state_dim, h = layout_.hidden;
  const T* p = parameters_.data();
  const auto column_sums = [&](std::size_t width, const T* x, std::size_t offset) {
    if (beta == T(0)) std::fill_n(body + offset, width, T(0));
    add_column_sums(n, width, x, body + offset);
  };
  T* dy = s.x.data();  // holds the features until the output head is done
  gemm(yes, no, d, h, n, T(1), s.prediction.data(), d, dy, h, beta, body + layout_.output_weight,
       h);
  column_sums(d, s.prediction.data(), layout_.output_bias);
  gemm(no, no, n, h, d, T(1), s.prediction.data(), d, p + layout_.output_weight, h, T(0), dy, h);

  T* dr = s.d1.data();
  T* da = s.d2.data();
  for (std::size_t l = layout_.blocks.size(); l-- > 0;) {
    const auto& block = layout_.blocks[l];
    const T* r = s.at(s.hidden, l);
    // P = dy^T r and q = sum dy, without gamma: unfold_gamma turns them into gradients.
    gemm(yes, no, h, h, n, T(1), dy, h, r, h, beta, body + block.weight2, h);
    column_sums(h, dy, block.bias2);
    gemm(no, no, n, h, h, T(1), dy, h, scaled_weight2_.data() + l * h * h, h, T(0), dr, h);
    if (beta == T(0)) std::fill_n(body + block.bias1, h, T(0));
    relu_backward(n, h, r, dr, body + block.bias1);
    gemm(yes, no, h, h, n, T(1), dr, h, s.at(s.activation, l), h, beta, body + block.weight1, h);
    gemm(no, no, n, h, h, T(1), dr, h, p + block.weight1, h, T(0), da, h);
    T* table = film_gradient_.data() + l * timesteps_.size() * 2 * h;
    normalise_film_backward(n, h, da, s.at(s.normalised, l), s.rstd.data() + l * s.rows,
                            film_table(l), slot,
                            FilmGradient<T>{table, shared + l * 2 * h, shared_slot}, dy);
    if (beta == T(0)) std::fill_n(body + block.gamma, h, T(0));
  }
  gemm(yes, no, h, d, n, T(1), dy, h, s.z.data(), d, beta, body + layout_.input_weight, d);
  column_sums(h, dy, layout_.input_bias);
}

template <class T>
void Engine<T>::forward(std::span<const T> z, std::span<const std::uint32_t> slot, Output what,
                        std::span<T> out) {
  const std::size_t d = layout_.state_dim, h = layout_.hidden, n = z.size() / d;
  const std::size_t width = what == Output::prediction ? d : h;
  if (z.size() % d != 0 || out.size() != n * width || (!slot.empty() && slot.size() != n))
    throw ShapeError(
        fmt::format("fused engine: {} inputs, {} slots and {} outputs do not fit a "
                    "network from {} values to {}",
                    z.size(), slot.size(), out.size(), d, width));
  check(slot, {});
  const SingleThreadedBlas guard;
  parallel_for(ceil_div(n, tile_rows_), [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
    ScratchLease lease(*pool_, layout_, tile_rows_);
    Scratch& s = *lease;
    std::copy_n(&z[first * d], rows * d, s.z.data());
    forward_tile(s, rows, slot.empty() ? zero_slots_.data() : &slot[first], false);
    if (what == Output::prediction)
      predict_tile(s, rows, &out[first * d]);
    else
      std::copy_n(s.x.data(), rows * h, &out[first * h]);
  });
}

template <class T>
void Engine<T>::check(std::span<const std::uint32_t> slot, std::span<const T> weights) const {
  const std::size_t slots = timesteps_.size();
  if (slots == 0) throw ArgumentError("fused engine: no timesteps set");
  if (!weights.empty() && weights.size() != slots)
    throw ShapeError(fmt::format("fused engine: {} weights for {} slots", weights.size(), slots));
  for (const std::uint32_t s : slot)
    if (s >= slots) throw ArgumentError(fmt::format("fused engine: slot {} of {}", s, slots));
}

template <class T>
double Engine<T>::loss_and_gradient(std::span<const std::uint32_t> slot,
                                    const TileSource<T>& source, std::span<const T> weights,
                                    std::span<T> gradient) {
  const std::size_t n = slot.size(), d = layout_.state_dim, h2 = 2 * layout_.hidden;
  check(slot, weights);
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

  const SingleThreadedBlas guard;
  parallel_for(blocks, [&](std::size_t l) {
    const std::size_t size = timesteps_.size() * h2;
    std::fill_n(film_gradient_.data() + l * size, size, T(0));
  });
  parallel_for(lanes, [&](std::size_t lane) {
    const std::size_t begin = lane * tiles / lanes, end = (lane + 1) * tiles / lanes;
    const std::size_t row0 = begin * tile_rows_;
    if (row0 > 0 && slot[row0] == slot[row0 - 1]) lane_shared_slot_[lane] = slot[row0];
    T* shared = lane_shared_.data() + lane * blocks * h2;
    std::fill_n(shared, blocks * h2, T(0));
    ScratchLease lease(*pool_, layout_, tile_rows_);
    Scratch& s = *lease;
    for (std::size_t tile = begin; tile < end; ++tile) {
      const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
      source(first, rows, s.z.data(), s.target.data());
      forward_tile(s, rows, &slot[first], true);
      predict_tile(s, rows, s.prediction.data());
      lane_loss_[lane] += residual_tile(s, rows, &slot[first], weights, scale);
      backward_tile(s, rows, &slot[first], lane_gradient_.data() + lane * body, shared,
                    lane_shared_slot_[lane], tile == begin ? T(0) : T(1));
    }
  });

  constexpr std::size_t chunk = 1 << 14;
  parallel_for(ceil_div(body, chunk), [&](std::size_t c) {
    const std::size_t first = c * chunk, size = std::min(chunk, body - first);
    std::copy_n(lane_gradient_.data() + first, size, &gradient[first]);
    for (std::size_t lane = 1; lane < lanes; ++lane)
      accumulate(size, lane_gradient_.data() + lane * body + first, &gradient[first]);
  });
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
  unfold_gamma(gradient);
  film_gradient(gradient);
  return total / static_cast<double>(n * d);
}

template <class T>
double Engine<T>::loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                       std::span<const T> weights) {
  const std::size_t n = slot.size();
  check(slot, weights);
  if (n == 0) throw ArgumentError("fused engine: a batch needs rows");
  const std::size_t tiles = ceil_div(n, tile_rows_);
  lane_loss_.assign(tiles, 0.0);
  const SingleThreadedBlas guard;
  parallel_for(tiles, [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
    ScratchLease lease(*pool_, layout_, tile_rows_);
    Scratch& s = *lease;
    source(first, rows, s.z.data(), s.target.data());
    forward_tile(s, rows, &slot[first], false);
    predict_tile(s, rows, s.prediction.data());
    lane_loss_[tile] = residual_tile(s, rows, &slot[first], weights, T(0));
  });
  double total = 0;
  for (const double l : lane_loss_) total += l;
  return total / static_cast<double>(n * layout_.state_dim);
}

// From P = dy^T r and q = sum dy to the gradients of W2, b2 and gamma, with u = r W2^T + b2 and
// y = gamma u: dW2 = gamma P, db2 = gamma q, dgamma_j = sum_i dy_ij u_ij = sum_k W2_jk P_jk + b2_j
// q_j.
template <class T>
void Engine<T>::unfold_gamma(std::span<T> gradient) const {
  const std::size_t h = layout_.hidden;
  parallel_for(layout_.blocks.size(), [&](std::size_t l) {
    const auto& block = layout_.blocks[l];
    for (std::size_t j = 0; j < h; ++j) {
      const T gamma = parameters_[block.gamma + j];
      T* dw = &gradient[block.weight2 + j * h];
      const T* w = &parameters_[block.weight2 + j * h];
      T& q = gradient[block.bias2 + j];
      double dgamma = static_cast<double>(parameters_[block.bias2 + j]) * static_cast<double>(q);
      for (std::size_t k = 0; k < h; ++k) {
        dgamma += static_cast<double>(w[k]) * static_cast<double>(dw[k]);
        dw[k] *= gamma;
      }
      q *= gamma;
      gradient[block.gamma + j] = static_cast<T>(dgamma);
    }
  });
}

// From the gradient of the FiLM table to that of the projections, once a step.
template <class T>
void Engine<T>::film_gradient(std::span<T> gradient) {
  const std::size_t e = layout_.embedding, h2 = 2 * layout_.hidden, s = timesteps_.size();
  const std::size_t chunks = ceil_div(h2, film_rows);
  parallel_for(layout_.blocks.size() * chunks, [&](std::size_t task) {
    const std::size_t l = task / chunks, first = (task % chunks) * film_rows;
    const std::size_t n = std::min(film_rows, h2 - first);
    const T* table = film_gradient_.data() + l * s * h2;
    gemm(yes, no, n, e, s, T(1), table + first, h2, embedding_.data(), e, T(0),
         &gradient[layout_.blocks[l].film_weight + first * e], e);
    T* bias = &gradient[layout_.blocks[l].film_bias + first];
    std::fill_n(bias, n, T(0));
    for (std::size_t i = 0; i < s; ++i) accumulate(n, table + i * h2 + first, bias);
  });
}

template class Engine<float>;
template class Engine<double>;

}  // namespace papillon::fused
