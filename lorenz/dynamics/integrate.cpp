#include "papillon/lorenz/dynamics/integrate.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline dynamics {

template <class T, class Stored>
void integrate_rows(const AnySystem& system, const Steps& steps, std::size_t members,
                    Stored* states) {
  constexpr std::size_t width = tile_members<T>;
  const std::size_t n = system.dimension();
  const auto advance = [&](std::size_t t) {
    const std::size_t count = std::min(width, members - t * width);
    Stored* rows = states + t * width * n;
    alignas(64) std::array<T, 1024> on_stack;
    std::vector<T, RecyclingAllocator<T>> large;
    T* tile = on_stack.data();
    if (n * width > on_stack.size()) {
      large.resize(n * width);
      tile = large.data();
    }
    implementation::load_tile(rows, n, count, tile);
    system.advance(steps, tile, nullptr);
    for (std::size_t m = 0; m < count; ++m)
      for (std::size_t i = 0; i < n; ++i)
        rows[m * n + i] = static_cast<Stored>(tile[i * width + m]);
  };
  const std::size_t tiles = (members + width - 1) / width;
  if (tiles == 1)  // the callers of small ensembles have threads of their own
    advance(0);
  else
    parallel_for(tiles, advance);
}

template <class T>
void integrate(const AnySystem& system, const Scheme& scheme, double dt, std::size_t steps,
               Tensor<T>& states) {
  if (states.rank() != 2 || states.extent(1) != system.dimension())
    throw ShapeError(fmt::format("integrate: states have shape {}; must be [members, {}]",
                                 to_string(states.shape()), system.dimension()));
  if (!std::isfinite(dt))
    throw ArgumentError(fmt::format("integrate: the step is {}; must be finite", dt));
  integrate_rows<T>(system, {scheme, dt, steps, 0}, states.extent(0), states.data());
}

template void integrate_rows<float>(const AnySystem&, const Steps&, std::size_t, double*);
template void integrate_rows<double>(const AnySystem&, const Steps&, std::size_t, double*);
template void integrate(const AnySystem&, const Scheme&, double, std::size_t, Tensor<float>&);
template void integrate(const AnySystem&, const Scheme&, double, std::size_t, Tensor<double>&);

}  // namespace papillon::inline dynamics
