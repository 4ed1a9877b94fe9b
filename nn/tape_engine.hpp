// The engine of any denoising network: predictions and gradients on the tape, in tiles over
// threads.
#pragma once

#include <functional>
#include <vector>

#include "papillon/nn/denoising_engine.hpp"
#include "papillon/nn/tape_gradient.hpp"

namespace papillon {

// A network as the engine uses it: functions of (x [N, D], one timestep a row) that read the
// parameters, which the engine changes in place.
template <class T>
struct TapeNetwork {
  using Function = std::function<Var<T>(const Var<T>& x, const Timesteps& t)>;
  Function predict, features;      // features: empty if the network has none
  std::vector<Var<T>> parameters;  // in the order of the entries
  std::vector<ParameterEntry> entries;
  std::size_t state_dim = 0;
};

template <class T>
class TapeEngine final : public DenoisingEngine<T> {
 public:
  // Gradients and loss depend in their rounding on both numbers, but not on the number of threads.
  explicit TapeEngine(TapeNetwork<T> network, std::size_t tile_rows = 256,
                      std::size_t max_lanes = 16);

  std::size_t state_dim() const override { return network_.state_dim; }
  std::size_t feature_count() const override { return feature_count_; }
  const std::vector<ParameterEntry>& parameters() const override { return network_.entries; }

  void set_parameters(std::span<const T> parameters,
                      EnginePurpose purpose = EnginePurpose::inference) override;
  void set_timesteps(std::span<const int> timesteps) override;
  void forward(std::span<const T> z, std::span<const std::uint32_t> slot, EngineOutput what,
               std::span<T> out) override;
  double loss_and_gradient(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                           std::span<const T> weights, std::span<T> gradient) override;
  double loss(std::span<const std::uint32_t> slot, const TileSource<T>& source,
              std::span<const T> weights) override;

 private:
  Timesteps row_timesteps(std::span<const std::uint32_t> slot, std::size_t first,
                          std::size_t n) const;
  // prediction - target of rows first ... first + n - 1, [n, D]
  Var<T> residual(std::span<const std::uint32_t> slot, const TileSource<T>& source,
                  std::size_t first, std::size_t n) const;

  TapeNetwork<T> network_;
  TapeGradient<T> gradient_;
  std::size_t tile_rows_, feature_count_ = 0;
  Timesteps timesteps_;
};

extern template class TapeEngine<float>;
extern template class TapeEngine<double>;

}  // namespace papillon
