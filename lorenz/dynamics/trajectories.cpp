#include "papillon/lorenz/dynamics/trajectories.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline dynamics {
namespace {

void check(const AnySystem& system, const TrajectorySetOptions& o) {
  if (system.dimension() == 0 || o.members == 0 || o.steps == 0 || o.store_every == 0)
    throw ArgumentError(
        fmt::format("trajectories: dimension {}, members {}, steps {} and store_every {} should "
                    "all be positive",
                    system.dimension(), o.members, o.steps, o.store_every));
  if (o.steps % o.store_every != 0)
    throw ArgumentError(fmt::format("trajectories: steps {} must be a multiple of store_every {}",
                                    o.steps, o.store_every));
  if (!(std::isfinite(o.dt) && o.dt > 0))
    throw ArgumentError(fmt::format("trajectories: dt {} must be positive", o.dt));
  if (!(std::isfinite(o.initial_std) && o.initial_std >= 0))
    throw ArgumentError(
        fmt::format("trajectories: initial_std {} must not be negative", o.initial_std));
}

// The members' states between chunks, tile after tile.
template <class T>
class Members {
 public:
  static constexpr std::size_t width = tile_members<T>;

  Members(const AnySystem& system, const TrajectorySetOptions& options)
      : system_(system),
        options_(options),
        tiles_((options.members + width - 1) / width),
        states_(tiles_ * width * system.dimension()) {
    const std::size_t n = system.dimension();
    Tensor<T> initial = random_normal<T>({options.members, n},
                                         random_stream(options.seed, options.set, options.number));
    for (T& x : initial) x *= static_cast<T>(options.initial_std);
    for (std::size_t t = 0; t < tiles_; ++t)
      implementation::load_tile(initial.data() + t * width * n, n, members_of(t), tile(t));
  }

  // Not recorded; what has blown up stays infinite or NaN, so a look now and then is enough.
  void burn_in() {
    constexpr std::size_t between_looks = 10000;
    for (std::size_t done = 0; done < options_.burn_in; done += between_looks) {
      const std::size_t steps = std::min(between_looks, options_.burn_in - done);
      parallel_for(tiles_, [&](std::size_t t) {
        system_.advance({options_.scheme, options_.dt, steps, 0}, tile(t), nullptr);
      });
      for (std::size_t m = 0; m < options_.members; ++m)
        for (std::size_t i = 0; i < system_.dimension(); ++i)
          if (!std::isfinite(tile(m / width)[i * width + m % width])) fail(m, done + steps);
    }
  }

  // The next `out.extent(1)` stored times, the first of which is number `first`.
  void record(std::size_t first, Tensor<float>& out) {
    const std::size_t n = system_.dimension(), times = out.extent(1);
    const Steps steps{options_.scheme, options_.dt, times * options_.store_every,
                      options_.store_every};
    parallel_for(tiles_, [&](std::size_t t) {
      std::vector<T, RecyclingAllocator<T>> recorded(times * n * width);
      system_.advance(steps, tile(t), recorded.data());
      for (std::size_t m = 0; m < members_of(t); ++m) {
        float* to = out.data() + (t * width + m) * times * n;
        for (std::size_t k = 0; k < times; ++k) {
          for (std::size_t i = 0; i < n; ++i) {
            const float x = static_cast<float>(recorded[(k * n + i) * width + m]);
            if (!std::isfinite(x))
              fail(t * width + m, options_.burn_in + (first + k + 1) * options_.store_every);
            *to++ = x;
          }
        }
      }
    });
  }

 private:
  T* tile(std::size_t t) { return states_.data() + t * width * system_.dimension(); }
  std::size_t members_of(std::size_t t) const {
    return std::min(width, options_.members - t * width);
  }
  [[noreturn]] void fail(std::size_t member, std::size_t step) const {
    throw NumericalError(
        fmt::format("trajectories: member {} is not finite at step {} (dt {}); a smaller dt or "
                    "another scheme may help",
                    member, step, options_.dt));
  }

  const AnySystem& system_;
  const TrajectorySetOptions& options_;
  std::size_t tiles_;
  std::vector<T> states_;
};

template <class T>
void stream(const AnySystem& system, const TrajectorySetOptions& options,
            const TrajectorySink& sink, std::size_t chunk_times) {
  Members<T> members(system, options);
  members.burn_in();
  const std::size_t times = options.steps / options.store_every;
  Tensor<float> chunk;
  for (std::size_t first = 0; first < times; first += chunk_times) {
    chunk.resize({options.members, std::min(chunk_times, times - first), system.dimension()});
    members.record(first, chunk);
    sink(chunk, first);
  }
}

}  // namespace

void stream_trajectories(const AnySystem& system, const TrajectorySetOptions& options,
                         const TrajectorySink& sink, std::size_t chunk_times) {
  check(system, options);
  if (chunk_times == 0)
    chunk_times =
        std::max<std::size_t>(1, (std::size_t{1} << 22) / options.members / system.dimension());
  if (options.precision == Precision::float64)
    stream<double>(system, options, sink, chunk_times);
  else
    stream<float>(system, options, sink, chunk_times);
}

Tensor<float> trajectories(const AnySystem& system, const TrajectorySetOptions& options) {
  check(system, options);
  const std::size_t times = options.steps / options.store_every, n = system.dimension();
  Tensor<float> all(Shape{options.members, times, n});
  stream_trajectories(
      system, options,
      [&](const Tensor<float>& chunk, std::size_t first) {
        const std::size_t row = chunk.extent(1) * n;
        for (std::size_t m = 0; m < options.members; ++m)
          std::memcpy(all.data() + (m * times + first) * n, chunk.data() + m * row,
                      row * sizeof(float));
      },
      0);
  return all;
}

}  // namespace papillon::inline dynamics
