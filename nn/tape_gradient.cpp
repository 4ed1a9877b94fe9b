#include "papillon/nn/tape_gradient.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/autograd/gradient.hpp"
#include "papillon/autograd/ops.hpp"
#include "papillon/nn/internal/fused_kernels.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {

template <class T>
TapeGradient<T>::TapeGradient(std::vector<Var<T>> parameters, std::size_t tile_rows,
                              std::size_t max_lanes)
    : parameters_(std::move(parameters)), tile_rows_(tile_rows), max_lanes_(max_lanes) {
  if (tile_rows == 0 || max_lanes == 0)
    throw ArgumentError("tape gradient: tile_rows and max_lanes must be positive");
  for (const auto& p : parameters_) size_ += p.value().size();
}

template <class T>
void TapeGradient<T>::set_parameters(std::span<const T> flat) {
  if (flat.size() != size_)
    throw ShapeError(
        fmt::format("tape gradient: {} parameters where the network has {}", flat.size(), size_));
  for (auto& p : parameters_) {
    std::copy_n(flat.begin(), p.value().size(), p.mutable_value().begin());
    flat = flat.subspan(p.value().size());
  }
}

template <class T>
double TapeGradient<T>::operator()(std::size_t rows, T scale, const TileLoss& tile_loss,
                                   std::span<T> gradient) {
  if (gradient.size() != size_)
    throw ShapeError(
        fmt::format("tape gradient: {} gradients for {} parameters", gradient.size(), size_));
  if (rows == 0) throw ArgumentError("tape gradient: a batch needs rows");
  const std::size_t tiles = (rows + tile_rows_ - 1) / tile_rows_;
  const std::size_t lanes = std::min(tiles, max_lanes_);
  lane_gradient_.resize({lanes, size_});
  lane_loss_.assign(lanes, 0.0);
  const SingleThreadedBlas guard;
  parallel_for(lanes, [&](std::size_t lane) {
    const std::size_t begin = lane * tiles / lanes, end = (lane + 1) * tiles / lanes;
    for (std::size_t tile = begin; tile < end; ++tile) {
      const std::size_t first = tile * tile_rows_;
      const Var<T> loss = tile_loss(first, std::min(tile_rows_, rows - first)) * scale;
      lane_loss_[lane] += static_cast<double>(loss.item()) / static_cast<double>(scale);
      T* sum = lane_gradient_.data() + lane * size_;
      for (const Var<T>& g : papillon::gradient(loss, parameters_)) {
        const std::size_t n = g.value().size();
        if (tile == begin)
          std::copy_n(g.value().data(), n, sum);
        else
          fused::accumulate(n, g.value().data(), sum);
        sum += n;
      }
    }
  });
  constexpr std::size_t chunk = 1 << 14;
  parallel_for((size_ + chunk - 1) / chunk, [&](std::size_t c) {
    const std::size_t first = c * chunk, n = std::min(chunk, size_ - first);
    std::copy_n(lane_gradient_.data() + first, n, &gradient[first]);
    for (std::size_t lane = 1; lane < lanes; ++lane)
      fused::accumulate(n, lane_gradient_.data() + lane * size_ + first, &gradient[first]);
  });
  double total = 0;
  for (const double loss : lane_loss_) total += loss;
  return total;
}

template class TapeGradient<float>;
template class TapeGradient<double>;

}  // namespace papillon
