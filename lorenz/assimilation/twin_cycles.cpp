// The cycles of a twin experiment: forecast, score, analyse, score.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "papillon/lorenz/assimilation/internal/twin_state.hpp"
#include "papillon/lorenz/assimilation/observed_ensemble.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {

// The truth of a number of cycles, and the record of them.
struct TwinExperiment::State::Chunk {
  Tensor<double> truth;  // [K, cycles * times_a_cycle, D]
  std::uint64_t first_cycle, cycles;
  std::size_t times_a_cycle;
  TwinRecord* record;
};

// Throws AnalysisError (diverged) if x is too far from the truth, both [D].
static void check_distance(const double* x, const double* truth, const TwinOptions& options,
                           const char* name) {
  double squares = 0;
  for (std::size_t i = 0; i < options.scale.size(); ++i) {
    const double e = (x[i] - truth[i]) / options.scale[i];
    squares += e * e;
  }
  const double distance = std::sqrt(squares / static_cast<double>(options.scale.size()));
  if (distance <= options.divergence_limit) return;
  throw AnalysisError(
      AssimilationFailure::diverged,
      std::isfinite(distance)
          ? fmt::format(
                "diverged: the {} is {:f} scales from the truth, more than the limit of {:f}", name,
                distance, options.divergence_limit)
          : fmt::format("diverged: the {} is not finite", name));
}

// Trajectories that go through their cycles together: one, on a thread of its own, or all of them
// in lock-step.
class TwinExperiment::State::Group {
 public:
  Group(State& state, const Chunk& chunk, std::size_t begin, std::size_t count)
      : s_(state),
        chunk_(chunk),
        begin_(begin),
        count_(count),
        window_(state.method->window()),
        smoother_(state.method->from_window_start()),
        deferred_(state.method->uncertainty() == Uncertainty::generated ||
                  state.method->uncertainty() == Uncertainty::gaussian),
        memories_(count),
        observed_(count * window_),
        means_(Shape{count, state.dimension}) {
    cases_.reserve(count);
    if (smoother_ || count > 1) saved_.resize({count, s_.members, s_.dimension});
    if (deferred_) reports_.resize({count * 2, report_rows(), s_.dimension});
  }

  void run() {
    for (std::uint64_t c = chunk_.first_cycle; c < chunk_.first_cycle + chunk_.cycles; c += window_)
      if (count_ > 1 || !s_.failed[begin_]) run_window(c);
  }

 private:
  void run_window(std::uint64_t first) {
    for (Arena& memory : memories_) memory.clear();
    if (smoother_) save_states();
    for (std::uint64_t c = first; c < first + window_; ++c) {
      forecast(c, c - first, scored(c));
      each(c, [&](std::size_t k, Arena& memory) {
        update_mean(k);
        check_distance(mean(k), truth(k, c), s_.options, "background");
        if (scored(c) && !deferred_) score(ScoreSums::background, k, c, {ensemble(k), {}}, memory);
        record_mean(k, c, &TwinRecord::background);
        observe(k, c, observed_[k * window_ + (c - first)], memory);
      });
    }
    analyse(first + window_ - 1);
    for (std::uint64_t c = smoother_ ? first : first + window_ - 1; c < first + window_; ++c) {
      if (smoother_) forecast(c, 0, false);
      each(c, [&](std::size_t k, Arena& memory) {
        if (scored(c) && deferred_)  // means_ still has the background
          score(ScoreSums::background, k, c, reported(k, 0), memory);
        update_mean(k);
        check_distance(mean(k), truth(k, c), s_.options, "analysis");
        if (scored(c))
          score(ScoreSums::analysis, k, c,
                deferred_ ? reported(k, 1) : StateUncertainty{ensemble(k), {}}, memory);
        record_mean(k, c, &TwinRecord::analysis);
      });
    }
  }

  // f(number in the group, memory of the trajectory) for all trajectories that have not failed; a
  // numerical error in it ends a trajectory.
  template <class F>
  void each(std::uint64_t cycle, F f) {
    parallel_for(count_, [&](std::size_t k) {
      if (!s_.failed[begin_ + k]) guarded(k, cycle, [&] { f(k, memories_[k]); });
    });
  }

  template <class F>
  void guarded(std::size_t k, std::uint64_t cycle, F f) {
    try {
      f();
    } catch (const AssimilationError& e) {
      fail(e);
    } catch (const AnalysisError& e) {
      fail({e.failure, cycle, begin_ + k, e.what()});
    } catch (const NumericalError& e) {
      fail({AssimilationFailure::singular, cycle, begin_ + k, e.what()});
    }
  }
  void fail(const AssimilationError& e) {
    s_.failed[e.trajectory].emplace(e);
    const Rows x = states(e.trajectory - begin_);
    std::fill_n(x.data, x.size(), 0.0);  // lock-step continues to advance them
  }

  void forecast(std::uint64_t cycle, std::size_t interval, bool score_leads) {
    const std::size_t times = chunk_.times_a_cycle, every = s_.truth_every();
    if (s_.options.along_window_every == 0) return advance_states(cycle, 0, every);
    for (std::size_t r = 0; r < times; ++r) {
      advance_states(cycle, r * every, every);
      if (!score_leads) continue;
      each(cycle, [&](std::size_t k, Arena&) {
        update_mean(k);
        s_.sums.add_lead(interval * times + r, begin_ + k, batch(cycle), mean(k),
                         truth(k, cycle, r));
      });
    }
  }

  void advance_states(std::uint64_t cycle, std::size_t from, std::size_t steps) {
    const ModelNoise& noise = s_.setup.forecast_noise;
    const Rows group{states(0).data, count_ * s_.members, s_.dimension};
    advance_with_noise(*s_.setup.model, noise, group, from, steps, [&](std::size_t number) {
      each(cycle, [&](std::size_t k, Arena& memory) {
        add_model_noise(noise, states(k), number, address(k, cycle), Purpose::forecast_noise,
                        memory);
      });
    });
  }

  void observe(std::size_t k, std::uint64_t cycle, Observation& out, Arena& memory) {
    const ObservationSource& source = s_.setup.observations;
    const std::size_t p = source.model.observations();
    const std::span<double> y(memory.take(p), p);
    source.observe(truth(k, cycle), address(k, cycle), y, memory);
    if (chunk_.record)
      std::ranges::copy(y, chunk_.record->observations.data() + record_row(k, cycle) * p);
    out = Observation(source.model, y, memory);
  }

  // In lock-step, a trajectory on which the method fails is removed, and the others are analysed
  // again.
  void analyse(std::uint64_t cycle) {
    if (smoother_)
      restore_states();
    else if (count_ > 1)
      save_states();
    for (;;) {
      cases_.clear();
      for (std::size_t k = 0; k < count_; ++k) {
        if (s_.failed[begin_ + k]) continue;
        cases_.push_back({states(k), &observed_[k * window_], address(k, cycle), {}});
        if (deferred_ && scored(cycle)) cases_.back().report = {report(k, 0), report(k, 1)};
      }
      if (cases_.empty()) return;
      if (!s_.method->batched() || cases_.size() == 1) return analyse_one_by_one(cycle);
      try {
        s_.method->analyse(cases_, memories_[0]);
        return;
      } catch (const AssimilationError& e) {
        restore_states();
        fail(e);
      } catch (const NumericalError&) {  // of an unknown trajectory: analyse each alone
        restore_states();
        return analyse_one_by_one(cycle);
      }
    }
  }

  void analyse_one_by_one(std::uint64_t cycle) {
    parallel_for(cases_.size(), [&](std::size_t i) {
      const std::size_t k = cases_[i].random.trajectory - begin_;
      guarded(k, cycle, [&] {
        const Arena::Scope frame(memories_[k]);
        s_.method->analyse({&cases_[i], 1}, memories_[k]);
      });
    });
  }

  void save_states() { std::copy_n(states(0).data, saved_.size(), saved_.data()); }
  void restore_states() {
    for (std::size_t k = 0; k < count_; ++k)
      if (!s_.failed[begin_ + k]) std::ranges::copy(rows_of(saved_, k).values(), states(k).data);
  }

  void update_mean(std::size_t k) { mean_of_rows(states(k), mean(k)); }

  void score(ScoreSums::Which which, std::size_t k, std::uint64_t cycle,
             const StateUncertainty& uncertainty, Arena& memory) {
    s_.sums.add(which, begin_ + k, batch(cycle), mean(k), truth(k, cycle), uncertainty, memory);
  }

  void record_mean(std::size_t k, std::uint64_t cycle, Tensor<double> TwinRecord::*what) {
    if (!chunk_.record) return;
    const std::size_t d = s_.dimension, at = record_row(k, cycle) * d;
    std::copy_n(mean(k), d, (chunk_.record->*what).data() + at);
  }
  std::size_t record_row(std::size_t k, std::uint64_t cycle) const {
    return (begin_ + k) * chunk_.cycles + (cycle - chunk_.first_cycle);
  }

  bool scored(std::uint64_t cycle) const { return cycle >= s_.burn_in; }
  std::size_t batch(std::uint64_t cycle) const {
    return (cycle - s_.burn_in) * s_.options.batches / s_.options.cycles;
  }
  Rows states(std::size_t k) const { return rows_of(s_.states, begin_ + k); }
  // The members as the uncertainty of the state: none for a single state.
  Rows ensemble(std::size_t k) const {
    const bool has = s_.method->uncertainty() == Uncertainty::ensemble && s_.members > 1;
    return has ? states(k) : Rows{};
  }
  std::size_t report_rows() const {
    return s_.method->uncertainty() == Uncertainty::generated ? s_.method->scored_members() : 1;
  }
  // 0: of the background, 1: of the analysis.
  Rows report(std::size_t k, std::size_t which) { return rows_of(reports_, 2 * k + which); }
  StateUncertainty reported(std::size_t k, std::size_t which) {
    if (s_.method->uncertainty() == Uncertainty::generated) return {report(k, which), {}};
    return {{}, report(k, which)};
  }
  double* mean(std::size_t k) { return means_.data() + k * s_.dimension; }
  const double* truth(std::size_t k, std::uint64_t cycle, std::size_t r) const {
    const std::size_t times = chunk_.times_a_cycle;
    return chunk_.truth.data() +
           (((begin_ + k) * chunk_.cycles + (cycle - chunk_.first_cycle)) * times + r) *
               s_.dimension;
  }
  const double* truth(std::size_t k, std::uint64_t cycle) const {  // at the observation time
    return truth(k, cycle, chunk_.times_a_cycle - 1);
  }
  RandomAddress address(std::size_t k, std::uint64_t cycle) const {
    return s_.address(begin_ + k, cycle);
  }

  State& s_;
  const Chunk& chunk_;
  std::size_t begin_, count_, window_;
  bool smoother_, deferred_;
  std::vector<Arena> memories_;        // one for each trajectory
  std::vector<Observation> observed_;  // [count, window]
  std::vector<AnalysisCase> cases_;    // of those that have not failed
  Tensor<double> means_;               // [count, D]: of the states, when last updated
  Tensor<double> saved_, reports_;     // [count, M, D]; [2 count, rows, D], background and analysis
};

void TwinExperiment::State::advance(std::uint64_t cycles, TwinRecord* history) {
  const std::size_t times = options.steps_per_cycle / truth_every();
  Chunk chunk{Tensor<double>(Shape{trajectories, cycles * times, dimension}), done, cycles, times,
              history};
  setup.truth.next(cycles * times, truth_every(), options.steps_per_cycle, address(0, done),
                   chunk.truth);
  if (history) {
    history->first_cycle = done;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    history->background = history->analysis =
        Tensor<double>::full({trajectories, cycles, dimension}, nan);
    history->observations =
        Tensor<double>::full({trajectories, cycles, setup.observations.model.observations()}, nan);
    history->truth.resize({trajectories, cycles, dimension});
    for (std::size_t row = 0; row < trajectories * cycles; ++row)
      std::copy_n(chunk.truth.data() + (row * times + times - 1) * dimension, dimension,
                  history->truth.data() + row * dimension);
  }
  const std::vector<std::optional<AssimilationError>> before = failed;
  if (lock_step()) {
    Group(*this, chunk, 0, trajectories).run();
  } else {
    parallel_for(trajectories, [&](std::size_t k) { Group(*this, chunk, k, 1).run(); });
  }
  std::vector<AssimilationError> new_failures;
  for (std::size_t k = 0; k < trajectories; ++k)
    if (failed[k] && !before[k]) new_failures.push_back(*failed[k]);
  std::stable_sort(new_failures.begin(), new_failures.end(),
                   [](const auto& a, const auto& b) { return a.cycle < b.cycle; });
  failures.insert(failures.end(), new_failures.begin(), new_failures.end());
  done += cycles;
}

}  // namespace papillon::inline assimilation
