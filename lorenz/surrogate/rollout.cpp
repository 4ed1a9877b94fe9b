#include "papillon/lorenz/surrogate/rollout.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace papillon::inline surrogate {

Rollout rollout(const Surrogate& surrogate, const Tensor<float>& initial, std::size_t leads,
                double limit) {
  const std::size_t d = surrogate.dimension();
  if (initial.rank() != 2 || initial.extent(1) != d)
    throw ShapeError(fmt::format("rollout: initial states have shape {}; must be [N, {}]",
                                 to_string(initial.shape()), d));
  if (leads == 0 || !(limit > 0))
    throw ArgumentError(
        fmt::format("rollout: leads {} and limit {} must be positive", leads, limit));
  const std::size_t windows = initial.extent(0);
  Rollout out{Tensor<float>(Shape{windows, leads, d}),
              std::vector<std::uint32_t>(windows, static_cast<std::uint32_t>(leads + 1))};
  for_each_tile(windows, [&](std::size_t first, std::size_t n) {
    Tensor<double> x = surrogate.normalised(initial, first, n), before;
    for (std::size_t lead = 0; lead < leads; ++lead) {
      before = x;
      surrogate.advance(n, x.data());
      for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t& diverged = out.diverged_at[first + i];
        if (diverged > lead + 1)
          for (std::size_t j = 0; j < d; ++j)
            if (!(std::abs(x(i, j)) <= limit)) diverged = static_cast<std::uint32_t>(lead + 1);
        for (std::size_t j = 0; j < d; ++j) {
          if (diverged < lead + 1) x(i, j) = before(i, j);
          if (!std::isfinite(x(i, j))) x(i, j) = before(i, j);
          x(i, j) = std::clamp(x(i, j), -limit, limit);
          out.states[((first + i) * leads + lead) * d + j] =
              static_cast<float>(surrogate.physical(x(i, j), j));
        }
      }
    }
  });
  return out;
}

}  // namespace papillon::inline surrogate
