#include "papillon/lorenz/surrogate/scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/diffusion/model.hpp"
#include "papillon/nn/normalisation.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline surrogate {
namespace {

constexpr std::size_t tile_windows = 256, chunk_windows = 2048;

void check(const ScoreOptions& o, const Tensor<float>& states, std::size_t dimension,
           const char* what) {
  if (o.lead == 0 || o.leads == 0 || o.windows == 0 || !(o.threshold > 0) ||
      !(o.lyapunov_exponent > 0))
    throw ArgumentError(
        fmt::format("scores: lead {}, leads {}, windows {}, threshold {} and "
                    "Lyapunov exponent {} must be positive",
                    o.lead, o.leads, o.windows, o.threshold, o.lyapunov_exponent));
  if (states.rank() != 3 || states.extent(2) != dimension)
    throw InputError(
        fmt::format("scores: {} trajectories have shape {}; must be [members, times, "
                    "{}]",
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

// Sums over windows.
struct Sums {
  Sums(std::size_t leads, std::size_t d)
      : squares(leads * d), absolutes(leads * d), diverged(leads) {}

  // A forecast [leads, D] that diverged at that lead; the truths are `stride` numbers apart.
  void add(const float* forecast, std::uint32_t diverged_at, const float* truth, std::size_t stride,
           const std::vector<double>& scale, double threshold) {
    const std::size_t d = scale.size(), leads = diverged.size();
    std::size_t valid = leads;
    for (std::size_t l = leads; l-- > 0;) {
      double square = 0;
      for (std::size_t j = 0; j < d; ++j) {
        const double error = static_cast<double>(forecast[l * d + j]) -
                             static_cast<double>(truth[(l + 1) * stride + j]);
        squares[l * d + j] += error * error;
        absolutes[l * d + j] += std::abs(error);
        square += error * error / (scale[j] * scale[j]);
      }
      if (std::sqrt(square / static_cast<double>(d)) > threshold) valid = l;
      if (diverged_at <= l + 1) ++diverged[l];
    }
    valid_leads += static_cast<double>(valid == leads ? leads : valid + 1);
    if (valid == leads) ++always_valid;
  }

  void merge(const Sums& other) {
    for (std::size_t i = 0; i < squares.size(); ++i) squares[i] += other.squares[i];
    for (std::size_t i = 0; i < absolutes.size(); ++i) absolutes[i] += other.absolutes[i];
    for (std::size_t l = 0; l < diverged.size(); ++l) diverged[l] += other.diverged[l];
    valid_leads += other.valid_leads;
    always_valid += other.always_valid;
  }

  SurrogateScores scores(std::size_t windows, const std::vector<double>& scale) const {
    const std::size_t d = scale.size();
    SurrogateScores scores;
    const double n = static_cast<double>(windows), nd = n * static_cast<double>(d);
    for (std::size_t l = 0; l < diverged.size(); ++l) {
      double square = 0, absolute = 0, normalised = 0;
      for (std::size_t j = 0; j < d; ++j) {
        square += squares[l * d + j] / nd;
        absolute += absolutes[l * d + j] / nd;
        normalised += squares[l * d + j] / nd / (scale[j] * scale[j]);
      }
      scores.lead.push_back(l + 1);
      scores.mse.push_back(square);
      scores.mae.push_back(absolute);
      scores.nrmse.push_back(std::sqrt(normalised));
      scores.diverged.push_back(static_cast<double>(diverged[l]) / n);
    }
    scores.always_valid = static_cast<double>(always_valid) / n;
    scores.windows = windows;
    return scores;
  }

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
      const std::size_t end = std::min(chunk, (tile + 1) * tile_windows);
      for (std::size_t w = tile * tile_windows; w < end; ++w) {
        const float* states = forecast.states.data() + w * leads * d;
        std::copy_n(states + skipped * d, late * d, later.data() + w * late * d);
        sums[tile].add(states, forecast.diverged_at[w], test_->data() + starts_[begin + w] * d,
                       options_.lead * d, scale_, options_.threshold);
      }
    });
    for (const Sums& s : sums) total.merge(s);
    add_normalised(histogram, std::move(later), shift_, scale_);
    if (progress) progress(begin + chunk);
  }

  SurrogateScores scores = total.scores(windows, scale_);
  scores.valid_time = total.valid_leads / static_cast<double>(windows) * surrogate.time_step() *
                      options_.lyapunov_exponent;
  scores.hellinger = hellinger_distance(histogram, *reference_);
  scores.hellinger_floor = floor_;
  return scores;
}

}  // namespace papillon::inline surrogate
