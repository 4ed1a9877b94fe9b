#include "papillon/lorenz/assimilation/truth.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {

Truth::Truth(GivenTruth given) : given_(std::move(given)) {
  const GivenTruth& g = *given_;
  if (!g.states || g.states->rank() != 3)
    throw ShapeError(fmt::format("truth: states have shape {}; must be [trajectories, time, D]",
                                 g.states ? to_string(g.states->shape()) : "none"));
  if (g.steps_between == 0) throw ArgumentError("truth: steps_between is 0; must be positive");
  if (g.first_time >= g.states->extent(1))
    throw ArgumentError(fmt::format("truth: there is no time {}; must be below {}", g.first_time,
                                    g.states->extent(1)));
  if (g.first_trajectory >= g.states->extent(0))
    throw ArgumentError(fmt::format("truth: there is no trajectory {}; must be below {}",
                                    g.first_trajectory, g.states->extent(0)));
}

Truth::Truth(IntegratedTruth integrated)
    : integrated_(std::move(integrated)), state_(integrated_->initial) {
  if (!integrated_->model) throw ArgumentError("truth: needs a model");
  if (state_.rank() != 2 || state_.extent(1) != integrated_->model->dimension())
    throw ShapeError(fmt::format("truth: initial states have shape {}; must be [trajectories, {}]",
                                 to_string(state_.shape()), integrated_->model->dimension()));
  if (!all_finite(state_)) throw InputError("truth: an initial state is not finite");
}

std::size_t Truth::trajectories() const {
  return given_ ? given_->states->extent(0) - given_->first_trajectory : state_.extent(0);
}

std::size_t Truth::dimension() const {
  return given_ ? given_->states->extent(2) : state_.extent(1);
}

std::size_t Truth::steps() const {
  if (!given_) return std::numeric_limits<std::size_t>::max();
  return (given_->states->extent(1) - 1 - given_->first_time) * given_->steps_between;
}

void Truth::check_interval(std::size_t every, std::size_t steps_per_cycle) const {
  if (given_ && every % given_->steps_between != 0)
    throw ArgumentError(
        fmt::format("truth: states are stored every {} steps; must divide the {} between the times "
                    "that are needed",
                    given_->steps_between, every));
  if (integrated_) check_model_noise(integrated_->noise, dimension(), steps_per_cycle);
}

std::string Truth::description() const {
  if (given_)
    return fmt::format("given {} every {} from time {} trajectory {}",
                       to_string(given_->states->shape()), given_->steps_between,
                       given_->first_time, given_->first_trajectory);
  return fmt::format("integrated {} noise every {}", to_string(integrated_->initial.shape()),
                     integrated_->noise.every);
}

void Truth::next(std::size_t times, std::size_t every, std::size_t steps_per_cycle,
                 RandomAddress random, Tensor<double>& out) {
  const std::size_t k = out.extent(0), d = dimension();
  out.resize({k, times, d});
  if (given_) {
    const std::size_t stride = every / given_->steps_between;
    const std::size_t first =
        given_->first_time + static_cast<std::size_t>(steps_done_) / given_->steps_between;
    const std::size_t all_times = given_->states->extent(1);
    parallel_for(k, [&](std::size_t r) {
      const float* from = given_->states->data() + (given_->first_trajectory + r) * all_times * d;
      for (std::size_t n = 0; n < times; ++n)
        for (std::size_t i = 0; i < d; ++i)
          out[(r * times + n) * d + i] =
              static_cast<double>(from[(first + (n + 1) * stride) * d + i]);
    });
  } else {
    // Blocks of trajectories that fill a tile; a network gets all of them.
    const ForecastModel& model = *integrated_->model;
    const ModelNoise& noise = integrated_->noise;
    const std::size_t block = model.batched() ? k : std::min<std::size_t>(k, tile_members<double>);
    parallel_for((k + block - 1) / block, [&](std::size_t b) {
      Arena memory;
      const std::size_t begin = b * block, count = std::min(block, k - begin);
      const Rows states = rows_of(state_).rows(begin, count);
      for (std::size_t n = 0; n < times; ++n) {
        const std::uint64_t step = steps_done_ + n * every;
        const auto add_noise = [&](std::size_t number) {
          for (std::size_t r = 0; r < count; ++r)
            add_model_noise(noise, states.rows(r, 1), number,
                            {random.seed, begin + r, step / steps_per_cycle, random.experiment},
                            Purpose::truth_noise, memory);
        };
        advance_with_noise(model, noise, states, step % steps_per_cycle, every, add_noise);
        for (std::size_t r = 0; r < count; ++r)
          std::copy_n(states[r], d, out.data() + ((begin + r) * times + n) * d);
      }
    });
  }
  steps_done_ += times * every;
}

void Truth::restore(std::uint64_t steps_done, const Tensor<double>& state) {
  if (!given_) {
    if (state.shape() != state_.shape())
      throw_shape_error("truth", state_.shape(), state.shape(), "the state to go on from");
    state_ = state;
  }
  steps_done_ = steps_done;
}

}  // namespace papillon::inline assimilation
