#include "papillon/lorenz/assimilation/sources/posterior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/diffusion/model.hpp"
#include "papillon/lorenz/assimilation/internal/state_tree.hpp"
#include "papillon/nn/state_rows.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {
namespace {

// In units of sigma / alpha. Small leaves waste few draws, large ones are few to look at; between 1
// and 2 makes little difference.
constexpr double leaf_diagonal = 1.5;
constexpr std::size_t uniforms_a_member = std::size_t{1} << 16;

Tensor<float> normalised(Tensor<float> library, std::span<const double> shift,
                         std::span<const double> scale) {
  const Normalisation units{{shift.begin(), shift.end()}, {scale.begin(), scale.end()}};
  check_rows(TensorRows(library), units, "posterior source");
  units.normalise(library);
  return library;
}

class PosteriorSource final : public EnsembleSource {
 public:
  PosteriorSource(const Tensor<float>& library, std::vector<double> shift,
                  std::vector<double> scale, const NoiseSchedule& schedule, int t,
                  const PosteriorSourceOptions& options)
      : shift_(std::move(shift)),
        scale_(std::move(scale)),
        options_(options),
        t_(t),
        deviation_(ratio(schedule, t, options)),
        tree_(normalised(library, shift_, scale_), leaf_diagonal * deviation_) {
    traits_ = {
        fmt::format("posterior members {} t {} cutoff {} library of {} states", options.members, t,
                    options.cutoff, tree_.states().size() / shift_.size()),
        shift_.size(), static_cast<std::size_t>(options.members), false};
  }

  void fill(const Tensor<double>& backgrounds, std::span<const RandomAddress> addresses,
            Tensor<double>& out) const override {
    const std::size_t n = addresses.size(), d = dimension(), m = members();
    parallel_for(n, [&](std::size_t row) {
      std::vector<double> noise(m * d);
      std::vector<float> z(d);
      Draw draw(*this);
      // The same numbers as a diffusion source draws: the same noised states.
      addresses[row].normal(Purpose::diffusion_ensembles, noise,
                            static_cast<std::uint64_t>(t_) * m * d);
      for (std::size_t member = 0; member < m; ++member) {
        for (std::size_t i = 0; i < d; ++i)
          z[i] = static_cast<float>((backgrounds(row, i) - shift_[i]) / scale_[i] +
                                    deviation_ * noise[member * d + i]);
        const float* state = draw(z.data(), addresses[row], member);
        for (std::size_t i = 0; i < d; ++i)
          out[(row * m + member) * d + i] = static_cast<double>(state[i]) * scale_[i] + shift_[i];
      }
    });
  }

 private:
  static double ratio(const NoiseSchedule& schedule, int t, const PosteriorSourceOptions& o) {
    if (t < 1 || o.members < 2 || static_cast<std::size_t>(o.members) > 4096 || !(o.cutoff > 0))
      throw ArgumentError(fmt::format(
          "posterior source: t {} must be at least 1, members {} 2 ... 4096, cutoff {} positive", t,
          o.members, o.cutoff));
    return schedule.sigma(t) / schedule.alpha(t);
  }

  // One draw after another, with the memory for it. In units of the state, z / alpha is the centre
  // and sigma / alpha the deviation of the kernel.
  class Draw {
   public:
    explicit Draw(const PosteriorSource& source) : source_(source) {}

    const float* operator()(const float* centre, const RandomAddress& address, std::size_t member) {
      const StateTree& tree = source_.tree_;
      const std::size_t d = tree.dimension();
      const double half = 0.5 / (source_.deviation_ * source_.deviation_);
      find_leaves(centre);
      // Bounds of the weights, relative to those of the nearest leaf, summed up.
      float nearest = leaves_[0].squared_distance;
      for (const auto& leaf : leaves_) nearest = std::min(nearest, leaf.squared_distance);
      bounds_.resize(leaves_.size());
      double total = 0;
      for (std::size_t l = 0; l < leaves_.size(); ++l) {
        const double distance = static_cast<double>(leaves_[l].squared_distance - nearest);
        total +=
            static_cast<double>(leaves_[l].end - leaves_[l].begin) * std::exp(-half * distance);
        bounds_[l] = total;
      }
      // Rejection: a leaf by its bound, a state of it, accepted by weight / bound.
      for (std::size_t first = 0; first + 12 <= uniforms_a_member; first += 12) {
        double u[12];
        address.uniform(Purpose::posterior_ensembles, u, member * uniforms_a_member + first);
        for (int k = 0; k < 12; k += 3) {
          const auto at = std::upper_bound(bounds_.begin(), bounds_.end(), u[k] * total);
          const std::size_t l = std::min<std::size_t>(
              static_cast<std::size_t>(at - bounds_.begin()), bounds_.size() - 1);
          const StateTree::Leaf& leaf = leaves_[l];
          const std::size_t count = leaf.end - leaf.begin;
          const std::size_t i =
              leaf.begin +
              std::min(count - 1, static_cast<std::size_t>(u[k + 1] * static_cast<double>(count)));
          const float* state = tree.states().data() + i * d;
          float squared = 0;
          for (std::size_t j = 0; j < d; ++j)
            squared += (state[j] - centre[j]) * (state[j] - centre[j]);
          if (u[k + 2] < std::exp(-half * static_cast<double>(squared - leaf.squared_distance)))
            return state;
        }
      }
      throw NumericalError("posterior source: no state was accepted (is the background finite?)");
    }

   private:
    void find_leaves(const float* centre) {
      leaves_.clear();
      double distance = source_.options_.cutoff * source_.deviation_;
      source_.tree_.leaves_near(centre, distance, leaves_);
      if (!leaves_.empty()) return;
      const double nearest = source_.tree_.distance_to_nearest_box(centre);
      if (!std::isfinite(nearest))
        throw NumericalError("posterior source: the background is not finite");
      while (leaves_.empty()) {
        distance *= 2;
        if (distance > nearest) source_.tree_.leaves_near(centre, distance, leaves_);
      }
    }

    const PosteriorSource& source_;
    std::vector<StateTree::Leaf> leaves_;
    std::vector<double> bounds_;
  };

  std::vector<double> shift_, scale_;
  PosteriorSourceOptions options_;
  int t_;
  double deviation_;  // sigma / alpha
  StateTree tree_;
};

}  // namespace

SourcePointer posterior_source(const Tensor<float>& library, std::vector<double> shift,
                               std::vector<double> scale, const NoiseSchedule& schedule, int t,
                               const PosteriorSourceOptions& options) {
  return std::make_shared<PosteriorSource>(library, std::move(shift), std::move(scale), schedule, t,
                                           options);
}

LibraryOptions::LibraryOptions() = default;

SourcePointer make_posterior_source(const WithMembers<LibraryOptions>& options,
                                    const MethodInputs& inputs) {
  const LibraryOptions& own = options.own;
  SamplerOptions sampler;
  sampler.sampler = Choice(samplers(), "sampler", "", own.sampler).make();
  const auto model = own.process.read(inputs, sampler);
  if (own.library.empty()) throw ArgumentError("--library FILE is needed");
  const auto states = inputs.states(own.library);
  const std::size_t d = states->extent(-1), n = states->size() / d,
                    count = std::min(n, own.library_states.value_or(n));
  Tensor<float> library(Shape{count, d});
  for (std::size_t i = 0; i < count; ++i)
    std::copy_n(states->data() + (i * n / count) * d, d, library.data() + i * d);
  const int t =
      last_steps(sampler_timesteps(model->schedule, sampler), own.process.start_step).front();
  return posterior_source(library, model->normalisation.shift, model->normalisation.scale,
                          model->schedule, t, {static_cast<int>(options.members), own.cutoff});
}

}  // namespace papillon::inline assimilation
