#include "papillon/nn/tape_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

template <class T>
TapeEngine<T>::TapeEngine(TapeNetwork<T> network, std::size_t tile_rows, std::size_t max_lanes)
    : network_(std::move(network)),
      gradient_(network_.parameters, tile_rows, max_lanes),
      tile_rows_(tile_rows) {
  if (!network_.features) return;
  const NoGrad guard;
  const Var<T> one_row(Tensor<T>::zeros({1, network_.state_dim}));
  feature_count_ = network_.features(one_row, {0}).value().extent(-1);
}

template <class T>
void TapeEngine<T>::set_parameters(std::span<const T> parameters, EnginePurpose) {
  gradient_.set_parameters(parameters);
}

template <class T>
void TapeEngine<T>::set_timesteps(std::span<const int> timesteps) {
  for (const int t : timesteps)
    if (t < 0) throw ArgumentError(fmt::format("tape engine: timestep {} is negative", t));
  timesteps_.assign(timesteps.begin(), timesteps.end());
}

template <class T>
Timesteps TapeEngine<T>::row_timesteps(std::span<const std::uint32_t> slot, std::size_t first,
                                       std::size_t n) const {
  Timesteps t(n, timesteps_.front());
  for (std::size_t i = 0; i < (slot.empty() ? 0 : n); ++i) t[i] = timesteps_[slot[first + i]];
  return t;
}

template <class T>
void TapeEngine<T>::forward(std::span<const T> z, std::span<const std::uint32_t> slot,
                            EngineOutput what, std::span<T> out) {
  check_forward<T>(*this, z, slot, what, out);
  check_batch<T>(timesteps_.size(), slot, {});
  const auto& function = what == EngineOutput::prediction ? network_.predict : network_.features;
  const std::size_t d = state_dim(), n = z.size() / d;
  const SingleThreadedBlas guard;
  parallel_for(ceil_div(n, tile_rows_), [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, rows = std::min(tile_rows_, n - first);
    const NoGrad no_tape;
    const Var<T> x(Tensor<T>(Shape{rows, d}, z.subspan(first * d, rows * d)));
    const Var<T> values = function(x, row_timesteps(slot, first, rows));
    const std::size_t width = out.size() / n;
    if (values.shape() != Shape{rows, width})
      throw ShapeError(
          fmt::format("tape engine: the network gives {} for {} rows; must be [{}, {}]",
                      to_string(values.shape()), rows, rows, width));
    std::copy(values.value().begin(), values.value().end(), &out[first * width]);
  });
}

template <class T>
Var<T> TapeEngine<T>::residual(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                               std::size_t first, std::size_t n) const {
  Tensor<T> z(Shape{n, state_dim()}), target(Shape{n, state_dim()});
  source(first, n, z.data(), target.data());
  const Var<T> prediction = network_.predict(Var<T>(std::move(z)), row_timesteps(slot, first, n));
  if (prediction.shape() != target.shape())
    throw_shape_error("tape engine", prediction.shape(), target.shape(),
                      "of a prediction and its target differ");
  return prediction - Var<T>(std::move(target));
}

template <class T>
double TapeEngine<T>::loss_and_gradient(std::span<const std::uint32_t> slot,
                                        const TileSource<T>& source, std::span<const T> weights,
                                        std::span<T> gradient) {
  check_batch<T>(timesteps_.size(), slot, weights);
  const auto entries = static_cast<double>(slot.size() * state_dim());
  const auto tile_loss = [&](std::size_t first, std::size_t n) {
    const Var<T> error = residual(slot, source, first, n);
    if (weights.empty()) return sum(error * error);
    Tensor<T> row_weights(Shape{n, 1});
    for (std::size_t i = 0; i < n; ++i) row_weights[i] = weights[slot[first + i]];
    return sum(Var<T>(std::move(row_weights)) * error * error);
  };
  return gradient_(slot.size(), static_cast<T>(1 / entries), tile_loss, gradient) / entries;
}

template <class T>
double TapeEngine<T>::loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                           std::span<const T> weights) {
  const std::size_t rows = slot.size(), d = state_dim();
  check_batch<T>(timesteps_.size(), slot, weights);
  if (rows == 0) throw ArgumentError("tape engine: a batch needs rows");
  std::vector<double> row_loss(rows, 0.0);
  const SingleThreadedBlas guard;
  parallel_for(ceil_div(rows, tile_rows_), [&](std::size_t tile) {
    const std::size_t first = tile * tile_rows_, n = std::min(tile_rows_, rows - first);
    const NoGrad no_tape;
    const Tensor<T> error = residual(slot, source, first, n).value();
    for (std::size_t i = 0; i < n * d; ++i) {
      const std::size_t row = first + i / d;
      const double w = weights.empty() ? 1.0 : static_cast<double>(weights[slot[row]]);
      row_loss[row] += w * static_cast<double>(error[i]) * static_cast<double>(error[i]);
    }
  });
  double total = 0;
  for (const double l : row_loss) total += l;
  return total / static_cast<double>(rows * d);
}

template class TapeEngine<float>;
template class TapeEngine<double>;

}  // namespace papillon
