#include "papillon/nn/internal/fused_tile.hpp"

#include <algorithm>

#include "papillon/tensor/linalg.hpp"

namespace papillon::fused {
namespace {

constexpr double layer_norm_epsilon = 1e-5;

constexpr auto no = Transpose::no;
constexpr auto yes = Transpose::yes;

// y = x W^T, or y += x W^T.
template <class T>
void product(std::size_t n, const Weights<T>& w, const T* x, T* y, bool add = false) {
  if (w.rows != nullptr)
    w.rows->product(n, x, w.in, y, w.out, add);
  else
    gemm(no, yes, n, w.out, w.in, T(1), x, w.in, w.matrix, w.in, add ? T(1) : T(0), y, w.out);
}

}  // namespace

template <class T>
Tile<T>::Tile(const Layout& l, std::size_t tile_rows)
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

template <class T>
void forward(const Network<T>& network, Tile<T>& t, std::size_t n, const std::uint32_t* slot,
             bool keep) {
  const Layout& layout = network.layout;
  const std::size_t h = layout.hidden;
  const T* p = network.parameters;
  product(n, network.input(), t.z.data(), t.x.data());
  const T* pending = p + layout.input_bias;
  for (std::size_t l = 0; l < layout.blocks.size(); ++l) {
    const auto& block = layout.blocks[l];
    T* a = t.at(t.activation, keep ? l : 0);
    T* r = t.at(t.hidden, keep ? l : 0);
    normalise_film(n, h, t.x.data(), pending, network.film_table(l), slot, T(layer_norm_epsilon),
                   keep ? t.at(t.normalised, l) : nullptr,
                   keep ? t.rstd.data() + l * t.rows : nullptr, a);
    product(n, network.first(l), a, r);
    bias_relu(n, h, r, p + block.bias1);
    product(n, network.second(l), r, t.x.data(), true);
    pending = network.scaled_bias2 + l * h;
  }
  add_bias(n, h, t.x.data(), pending);
}

template <class T>
void predict(const Network<T>& network, Tile<T>& t, std::size_t n, T* prediction) {
  const Layout& layout = network.layout;
  product(n, network.output(), t.x.data(), prediction);
  add_bias(n, layout.state_dim, prediction, network.parameters + layout.output_bias);
}

template <class T>
void row_losses(const Network<T>& network, const Tile<T>& t, std::size_t n,
                const std::uint32_t* slot, std::span<const T> weights, double* losses) {
  const std::size_t d = network.layout.state_dim;
  for (std::size_t i = 0; i < n; ++i) {
    const double w = weights.empty() ? 1.0 : static_cast<double>(weights[slot[i]]);
    losses[i] = 0;
    for (std::size_t j = i * d; j < (i + 1) * d; ++j) {
      const auto r = static_cast<double>(t.prediction[j] - t.target[j]);
      losses[i] += w * r * r;
    }
  }
}

template <class T>
double weighted_residual(const Network<T>& network, Tile<T>& t, std::size_t n,
                         const std::uint32_t* slot, std::span<const T> weights, T gradient_scale) {
  const Layout& layout = network.layout;
  const std::size_t d = layout.state_dim;
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const T w = weights.empty() ? T(1) : weights[slot[i]];
    for (std::size_t j = 0; j < d; ++j) {
      const T r = t.prediction[i * d + j] - t.target[i * d + j];
      total += static_cast<double>(w) * static_cast<double>(r) * static_cast<double>(r);
      t.prediction[i * d + j] = gradient_scale * w * r;
    }
  }
  return total;
}

template <class T>
void backward(const Network<T>& network, Tile<T>& t, std::size_t n, const std::uint32_t* slot,
              const LaneGradient<T>& gradient, bool first) {
  T* body = gradient.body;
  const T beta = first ? T(0) : T(1);

  const Layout& layout = network.layout;
  const std::size_t d = layout.state_dim, h = layout.hidden;
  const T* p = network.parameters;
  const auto column_sums = [&](std::size_t width, const T* x, std::size_t offset) {
    if (first) std::fill_n(body + offset, width, T(0));
    add_column_sums(n, width, x, body + offset);
  };
  T* dy = t.x.data();  // holds the features until the output head is done
  gemm(yes, no, d, h, n, T(1), t.prediction.data(), d, dy, h, beta, body + layout.output_weight, h);
  column_sums(d, t.prediction.data(), layout.output_bias);
  gemm(no, no, n, h, d, T(1), t.prediction.data(), d, p + layout.output_weight, h, T(0), dy, h);

  T* dr = t.d1.data();
  T* da = t.d2.data();
  for (std::size_t l = layout.blocks.size(); l-- > 0;) {
    const auto& block = layout.blocks[l];
    const T* r = t.at(t.hidden, l);
    // P = dy^T r and q = sum dy, without gamma: unfold_gamma turns them into gradients.
    gemm(yes, no, h, h, n, T(1), dy, h, r, h, beta, body + block.weight2, h);
    column_sums(h, dy, block.bias2);
    gemm(no, no, n, h, h, T(1), dy, h, network.scaled_weight2 + l * h * h, h, T(0), dr, h);
    if (first) std::fill_n(body + block.bias1, h, T(0));
    relu_backward(n, h, r, dr, body + block.bias1);
    gemm(yes, no, h, h, n, T(1), dr, h, t.at(t.activation, l), h, beta, body + block.weight1, h);
    gemm(no, no, n, h, h, T(1), dr, h, p + block.weight1, h, T(0), da, h);
    T* table = gradient.film + l * network.slots * 2 * h;
    normalise_film_backward(
        n, h, da, t.at(t.normalised, l), t.rstd.data() + l * t.rows, network.film_table(l), slot,
        FilmGradient<T>{table, gradient.shared + l * 2 * h, gradient.shared_slot}, dy);
    if (first) std::fill_n(body + block.gamma, h, T(0));
  }
  gemm(yes, no, h, d, n, T(1), dy, h, t.z.data(), d, beta, body + layout.input_weight, d);
  column_sums(h, dy, layout.input_bias);
}

template <class T>
void TilePool<T>::Return::operator()(Tile<T>* tile) const {
  const std::lock_guard lock(pool->mutex_);
  pool->free_.emplace_back(tile);
}

template <class T>
typename TilePool<T>::Lease TilePool<T>::take(const Layout& layout, std::size_t rows) {
  std::unique_ptr<Tile<T>> tile;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      tile = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!tile) tile = std::make_unique<Tile<T>>(layout, rows);
  return Lease(tile.release(), Return{this});
}

#define PAPILLON_INSTANTIATE(T)                                                                  \
  template struct Tile<T>;                                                                       \
  template class TilePool<T>;                                                                    \
  template void forward(const Network<T>&, Tile<T>&, std::size_t, const std::uint32_t*, bool);   \
  template void predict(const Network<T>&, Tile<T>&, std::size_t, T*);                           \
  template void row_losses(const Network<T>&, const Tile<T>&, std::size_t, const std::uint32_t*, \
                           std::span<const T>, double*);                                         \
  template double weighted_residual(const Network<T>&, Tile<T>&, std::size_t,                    \
                                    const std::uint32_t*, std::span<const T>, T);                \
  template void backward(const Network<T>&, Tile<T>&, std::size_t, const std::uint32_t*,         \
                         const LaneGradient<T>&, bool);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon::fused
