#include "papillon/lorenz/surrogate/scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/diffusion/model.hpp"
#include "papillon/nn/normalisation.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon {
namespace {

constexpr std::size_t tile_windows = 256, chunk_windows = 2048;

void check(const ScoreOptions& o, const Tensor<float>& states, std::size_t dimension,
           const char* what) {
  if (o.lead == 0 || o.leads == 0 || o.windows == 0 || !(o.threshold > 0) ||
      !(o.lyapunov_exponent > 0))
    throw ArgumentError(
        fmt::format("scores: lead {}, leads {}, windows {}, threshold {} and "
                    "Lyapunov exponent {} should be positive",
                    o.lead, o.leads, o.windows, o.threshold, o.lyapunov_exponent));
  if (states.rank() != 3 || states.extent(2) != dimension)
    throw InputError(
        fmt::format("scores: {} trajectories of shape {} where [members, times, {}] "
                    "is needed",
                    what, to_string(states.shape()), dimension));
  if (states.extent(1) <= o.lead * o.leads)
    throw InputError(
        fmt::format("scores: {} leads of {} steps need {} trajectories of at least {} "
                    "times; these have {}",
                    o.leads, o.lead, what, o.lead * o.leads + 1, states.extent(1)));
}

// Rows of [members, times] where windows begin, evenly spaced over all that fit.
std::vector<std::size_t> window_starts(const Tensor<float>& states, const ScoreOptions& o) {
  const std::size_t times = states.extent(1), fits = times - o.lead * o.leads;
  const std::size_t all = states.extent(0) * fits, count = std::min(o.windows, all);
  std::vector<std::size_t> starts(count);
  for (std::size_t w = 0; w < count; ++w) {
    const std::size_t start = w * all / count;
    starts[w] = start / fits * times + start % fits;
  }
  return starts;
}

void add_normalised(Histogram& histogram, Tensor<float> states, const std::vector<double>& shift,
                    const std::vector<double>& scale) {
  Normalisation{shift, scale}.normalise(states);
  histogram.add(states.span());
}

// Sums over one tile of windows.
struct Sums {
  explicit Sums(std::size_t leads, std::size_t d)
      : squares(leads * d), absolutes(leads * d), diverged(leads) {}
  std::vector<double> squares, absolutes;  // [leads, D]
  std::vector<std::size_t> diverged;
  double valid_leads = 0;
  std::size_t always_valid = 0;
};

}  // namespace

SurrogateTest::SurrogateTest(const Tensor<float>& test, const Tensor<float>& independent,
                             std::vector<double> shift, std::vector<double> scale,
                             const ScoreOptions& options)
    : test_(&test), shift_(std::move(shift)), scale_(std::move(scale)), options_(options) {
  const std::size_t d = shift_.size();
  check(options, test, d, "test");
  check(options, independent, d, "independent");
  starts_ = window_starts(test, options);

  constexpr std::size_t block = 1 << 20;
  reference_ = std::make_unique<Histogram>(d, options.histogram);
  const std::size_t rows = test.size() / d;
  for (std::size_t first = 0; first < rows; first += block) {
    const std::size_t n = std::min(block, rows - first);
    add_normalised(*reference_, Tensor<float>(Shape{n, d}, test.span().subspan(first * d, n * d)),
                   shift_, scale_);
  }
  // The floor: the same leads of as many windows of the independent trajectories.
  Histogram others(d, options.histogram);
  std::vector<std::size_t> starts = window_starts(independent, options);
  starts.resize(std::min(starts.size(), starts_.size()));
  const std::size_t skipped = options.leads / 2, late = options.leads - skipped;
  Tensor<float> states(Shape{starts.size(), late, d});
  for (std::size_t w = 0; w < starts.size(); ++w)
    for (std::size_t l = 0; l < late; ++l)
      std::copy_n(independent.data() + (starts[w] + (skipped + l + 1) * options.lead) * d, d,
                  states.data() + (w * late + l) * d);
  add_normalised(others, std::move(states), shift_, scale_);
  floor_ = hellinger_distance(others, *reference_);
}

Tensor<float> SurrogateTest::initial_states() const {
  const std::size_t d = shift_.size();
  Tensor<float> states(Shape{starts_.size(), d});
  for (std::size_t w = 0; w < starts_.size(); ++w)
    std::copy_n(test_->data() + starts_[w] * d, d, states.data() + w * d);
  return states;
}

SurrogateScores SurrogateTest::score(const Surrogate& surrogate,
                                     const std::function<void(std::size_t)>& progress) const {
  const std::size_t d = shift_.size(), leads = options_.leads, windows = starts_.size();
  const std::size_t skipped = leads / 2, late = leads - skipped;
  if (surrogate.shift() != shift_ || surrogate.scale() != scale_)
    throw ArgumentError("scores: the surrogate was fitted with another normalisation");
  const Tensor<float> initial = initial_states();
  Histogram histogram(d, options_.histogram);
  Sums total(leads, d);
  for (std::size_t begin = 0; begin < windows; begin += chunk_windows) {
    const std::size_t chunk = std::min(chunk_windows, windows - begin);
    const Rollout forecast = rollout(
        surrogate, Tensor<float>(Shape{chunk, d}, initial.span().subspan(begin * d, chunk * d)),
        leads);
    const std::size_t tiles = (chunk + tile_windows - 1) / tile_windows;
    std::vector<Sums> sums(tiles, Sums(leads, d));
    Tensor<float> later(Shape{chunk, late, d});
    parallel_for(tiles, [&](std::size_t tile) {
      Sums& s = sums[tile];
      for (std::size_t w = tile * tile_windows; w < std::min(chunk, (tile + 1) * tile_windows);
           ++w) {
        const float* states = forecast.states.data() + w * leads * d;
        std::copy_n(states + skipped * d, late * d, later.data() + w * late * d);
        std::size_t valid = leads;
        for (std::size_t l = leads; l-- > 0;) {
          const float* truth = test_->data() + (starts_[begin + w] + (l + 1) * options_.lead) * d;
          double square = 0;
          for (std::size_t j = 0; j < d; ++j) {
            const double error =
                static_cast<double>(states[l * d + j]) - static_cast<double>(truth[j]);
            s.squares[l * d + j] += error * error;
            s.absolutes[l * d + j] += std::abs(error);
            square += error * error / (scale_[j] * scale_[j]);
          }
          if (std::sqrt(square / static_cast<double>(d)) > options_.threshold) valid = l;
          if (forecast.diverged_at[w] <= l + 1) ++s.diverged[l];
        }
        s.valid_leads += static_cast<double>(valid == leads ? leads : valid + 1);
        if (valid == leads) ++s.always_valid;
      }
    });
    for (const Sums& s : sums) {
      for (std::size_t i = 0; i < leads * d; ++i) total.squares[i] += s.squares[i];
      for (std::size_t i = 0; i < leads * d; ++i) total.absolutes[i] += s.absolutes[i];
      for (std::size_t l = 0; l < leads; ++l) total.diverged[l] += s.diverged[l];
      total.valid_leads += s.valid_leads;
      total.always_valid += s.always_valid;
    }
    add_normalised(histogram, std::move(later), shift_, scale_);
    if (progress) progress(begin + chunk);
  }

  SurrogateScores scores;
  const double n = static_cast<double>(windows), nd = n * static_cast<double>(d);
  for (std::size_t l = 0; l < leads; ++l) {
    double square = 0, absolute = 0, normalised = 0;
    for (std::size_t j = 0; j < d; ++j) {
      square += total.squares[l * d + j] / nd;
      absolute += total.absolutes[l * d + j] / nd;
      normalised += total.squares[l * d + j] / nd / (scale_[j] * scale_[j]);
    }
    scores.lead.push_back(l + 1);
    scores.mse.push_back(square);
    scores.mae.push_back(absolute);
    scores.nrmse.push_back(std::sqrt(normalised));
    scores.diverged.push_back(static_cast<double>(total.diverged[l]) / n);
  }
  scores.valid_time = total.valid_leads / n * surrogate.time_step() * options_.lyapunov_exponent;
  scores.always_valid = static_cast<double>(total.always_valid) / n;
  scores.hellinger = hellinger_distance(histogram, *reference_);
  scores.hellinger_floor = floor_;
  scores.windows = windows;
  return scores;
}

}  // namespace papillon
