#include "papillon/nn/denoising_engine.hpp"

#include <fmt/format.h>

namespace papillon {

template <class T>
void check_batch(std::size_t slots, std::span<const std::uint32_t> slot,
                 std::span<const T> weights) {
  if (slots == 0) throw ArgumentError("denoising engine: no timesteps set");
  if (!weights.empty() && weights.size() != slots)
    throw ShapeError(
        fmt::format("denoising engine: {} weights for {} slots", weights.size(), slots));
  for (const std::uint32_t s : slot)
    if (s >= slots) throw ArgumentError(fmt::format("denoising engine: slot {} of {}", s, slots));
}

template <class T>
void check_forward(const DenoisingEngine<T>& engine, std::span<const T> z,
                   std::span<const std::uint32_t> slot, EngineOutput what, std::span<const T> out) {
  const std::size_t d = engine.state_dim(), n = z.size() / d;
  const std::size_t width = what == EngineOutput::prediction ? d : engine.feature_count();
  if (width == 0) throw ArgumentError("denoising engine: the network has no features");
  if (z.size() % d != 0 || out.size() != n * width || (!slot.empty() && slot.size() != n))
    throw ShapeError(
        fmt::format("denoising engine: {} inputs, {} slots and {} outputs do not fit a network "
                    "from {} values to {}",
                    z.size(), slot.size(), out.size(), d, width));
}

#define PAPILLON_INSTANTIATE(T)                                                               \
  template void check_batch(std::size_t, std::span<const std::uint32_t>, std::span<const T>); \
  template void check_forward(const DenoisingEngine<T>&, std::span<const T>,                  \
                              std::span<const std::uint32_t>, EngineOutput, std::span<const T>);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
