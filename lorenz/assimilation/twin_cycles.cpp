// The cycles of a twin experiment: forecast, score, analyse, score.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "papillon/lorenz/assimilation/twin_state.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline assimilation {

// What a group of cycles needs besides the experiment itself.
struct TwinExperiment::State::Chunk {
  Tensor<double> truth;  // [K, cycles * times_a_cycle, D]
  std::uint64_t first_cycle, cycles;
  std::size_t times_a_cycle;
  TwinRecord* record;
};

// Some trajectories that go through their cycles together: one, on a thread of its own, or all of
// them in lock-step.
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
    if (smoother_ || count > 1) kept_.resize({count, s_.members, s_.dimension});
    if (deferred_) reports_.resize({count, 2, report_rows(), s_.dimension});
  }

  void run() {
    for (std::uint64_t c = chunk_.first_cycle; c < chunk_.first_cycle + chunk_.cycles; c += window_)
      if (count_ > 1 || !s_.failed[begin_]) run_window(c);
  }

 private:
  void run_window(std::uint64_t first) {
    for (Arena& memory : memories_) memory.clear();
    if (smoother_) keep();
    for (std::uint64_t c = first; c < first + window_; ++c) {
      forecast(c, c - first, scored(c));
      each(c, [&](std::size_t k, Arena& memory) {
        take_mean(k);
        check_distance(k, c, "background");
        if (scored(c) && !deferred_) score(ScoreSums::background, k, c, {ensemble(k), {}}, memory);
        write(k, c, &TwinRecord::background);
        observe(k, c, observed_[k * window_ + (c - first)], memory);
      });
    }
    analyse(first + window_ - 1);
    for (std::uint64_t c = smoother_ ? first : first + window_ - 1; c < first + window_; ++c) {
      if (smoother_) forecast(c, 0, false);
      each(c, [&](std::size_t k, Arena& memory) {
        if (scored(c) && deferred_)  // means_ still has the background
          score(ScoreSums::background, k, c, reported(k, 0), memory);
        take_mean(k);
        check_distance(k, c, "analysis");
        if (scored(c))
          score(ScoreSums::analysis, k, c, deferred_ ? reported(k, 1) : Belief{ensemble(k), {}},
                memory);
        write(k, c, &TwinRecord::analysis);
      });
    }
  }

  // f(number in the group, its memory) for all that have not failed; a failure ends a trajectory.
  template <class F>
  void each(std::uint64_t cycle, F f) {
    const auto one = [&](std::size_t k) {
      if (!s_.failed[begin_ + k]) guarded(k, cycle, [&] { f(k, memories_[k]); });
    };
    if (count_ == 1)
      one(0);
    else
      parallel_for(count_, one);
  }

  // Runs f; a numerical error in it is the end of trajectory k.
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
    std::fill_n(x.data, x.size(), 0.0);  // something to compute with in lock-step
  }

  void forecast(std::uint64_t cycle, std::size_t interval, bool score_leads) {
    const std::size_t times = chunk_.times_a_cycle, every = s_.truth_every();
    if (s_.options.along_window_every == 0) return advance_states(cycle, 0, every);
    for (std::size_t r = 0; r < times; ++r) {
      advance_states(cycle, r * every, every);
      if (!score_leads) continue;
      each(cycle, [&](std::size_t k, Arena&) {
        take_mean(k);
        s_.sums.add_lead(interval * times + r, begin_ + k, batch(cycle), mean(k),
                         truth(k, cycle, r));
      });
    }
  }

  void advance_states(std::uint64_t cycle, std::size_t from, std::size_t steps) {
    const ModelNoise& noise = s_.setup.forecast_noise;
    const std::size_t piece = noise.every ? noise.every : steps;
    for (std::size_t at = from; at < from + steps; at += piece) {
      s_.setup.model->advance({states(0).data, count_ * s_.members, s_.dimension}, piece);
      if (noise.every)
        each(cycle, [&](std::size_t k, Arena& memory) {
          add_model_noise(noise, states(k), at / piece, address(k, cycle), Purpose::forecast_noise,
                          memory);
        });
    }
  }

  void observe(std::size_t k, std::uint64_t cycle, Observation& out, Arena& memory) {
    const ObservationSource& source = s_.setup.observations;
    const std::size_t p = source.model.observations(), row = begin_ + k;
    double* y = memory.take(p);
    if (source.given) {
      std::copy_n(source.given->data() + (row * source.given->extent(1) + cycle) * p, p, y);
    } else {
      source.model.observe(truth(k, cycle, chunk_.times_a_cycle - 1), address(k, cycle), y, memory);
      for (std::size_t i = 0; i < p; ++i)
        if (!std::isfinite(y[i]))
          throw AnalysisError(AssimilationFailure::observation,
                              "the observation of the truth is not finite");
    }
    if (chunk_.record)
      std::copy_n(y, p, chunk_.record->observations.data() + record_row(k, cycle) * p);
    out = Observation(source.model, {y, p}, memory);
  }

  // In lock-step, a trajectory that the method fails on is taken out, and the others start again.
  void analyse(std::uint64_t cycle) {
    if (smoother_)
      restore();
    else if (count_ > 1)
      keep();
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
        restore();
        fail(e);
      } catch (const NumericalError&) {  // that does not say whose: try each alone
        restore();
        return analyse_one_by_one(cycle);
      }
    }
  }

  void analyse_one_by_one(std::uint64_t cycle) {
    const auto one = [&](std::size_t i) {
      const std::size_t k = cases_[i].random.trajectory - begin_;
      guarded(k, cycle, [&] {
        const Arena::Scope frame(memories_[k]);
        s_.method->analyse({&cases_[i], 1}, memories_[k]);
      });
    };
    if (cases_.size() == 1)
      one(0);
    else
      parallel_for(cases_.size(), one);
  }

  void keep() { std::copy_n(states(0).data, kept_.size(), kept_.data()); }
  void restore() {
    for (std::size_t k = 0; k < count_; ++k)
      if (!s_.failed[begin_ + k])
        std::copy_n(kept_.data() + k * states(k).size(), states(k).size(), states(k).data);
  }

  void take_mean(std::size_t k) {
    const Rows x = states(k);
    double* out = mean(k);
    std::copy_n(x[0], x.width, out);
    if (x.count == 1) return;
    for (std::size_t m = 1; m < x.count; ++m)
      for (std::size_t i = 0; i < x.width; ++i) out[i] += x[m][i];
    for (std::size_t i = 0; i < x.width; ++i) out[i] /= static_cast<double>(x.count);
  }

  void check_distance(std::size_t k, std::uint64_t cycle, const char* what) {
    const double* t = truth(k, cycle, chunk_.times_a_cycle - 1);
    double squares = 0;
    for (std::size_t i = 0; i < s_.dimension; ++i) {
      const double e = (mean(k)[i] - t[i]) / s_.options.scale[i];
      squares += e * e;
    }
    const double distance = std::sqrt(squares / static_cast<double>(s_.dimension));
    if (distance <= s_.options.divergence_limit) return;
    throw AnalysisError(AssimilationFailure::diverged,
                        std::isfinite(distance)
                            ? std::string("diverged: the ") + what + " is " +
                                  std::to_string(distance) +
                                  " scales from the truth, more than the limit of " +
                                  std::to_string(s_.options.divergence_limit)
                            : std::string("diverged: the ") + what + " is not finite");
  }

  void score(ScoreSums::Which which, std::size_t k, std::uint64_t cycle, const Belief& belief,
             Arena& memory) {
    s_.sums.add(which, begin_ + k, batch(cycle), mean(k), truth(k, cycle, chunk_.times_a_cycle - 1),
                belief, memory);
  }

  void write(std::size_t k, std::uint64_t cycle, Tensor<double> TwinRecord::*what) {
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
  Rows states(std::size_t k) const {
    const std::size_t size = s_.members * s_.dimension;
    return {s_.states.data() + (begin_ + k) * size, s_.members, s_.dimension};
  }
  // The members as a belief: none, for a method that has a single state or does not say.
  Rows ensemble(std::size_t k) const {
    const bool has = s_.method->uncertainty() == Uncertainty::ensemble && s_.members > 1;
    return has ? states(k) : Rows{};
  }
  std::size_t report_rows() const {
    return s_.method->uncertainty() == Uncertainty::generated ? s_.method->scored_members() : 1;
  }
  Rows report(std::size_t k, std::size_t which) {
    const std::size_t size = report_rows() * s_.dimension;
    return {reports_.data() + (2 * k + which) * size, report_rows(), s_.dimension};
  }
  Belief reported(std::size_t k, std::size_t which) {
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
  Tensor<double> means_;               // [count, D]: of the states, when last taken
  Tensor<double> kept_, reports_;
};

void TwinExperiment::State::advance(std::uint64_t cycles, TwinRecord* written) {
  const std::size_t times = options.steps_per_cycle / truth_every();
  Chunk chunk{Tensor<double>(Shape{trajectories, cycles * times, dimension}), done, cycles, times,
              written};
  setup.truth.next(cycles * times, truth_every(), options.steps_per_cycle, address(0, done),
                   chunk.truth);
  if (written) {
    written->first_cycle = done;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    written->background = written->analysis =
        Tensor<double>::full({trajectories, cycles, dimension}, nan);
    written->observations =
        Tensor<double>::full({trajectories, cycles, setup.observations.model.observations()}, nan);
    written->truth.resize({trajectories, cycles, dimension});
    for (std::size_t row = 0; row < trajectories * cycles; ++row)
      std::copy_n(chunk.truth.data() + (row * times + times - 1) * dimension, dimension,
                  written->truth.data() + row * dimension);
  }
  const std::vector<std::optional<AssimilationError>> before = failed;
  if (lock_step()) {
    Group(*this, chunk, 0, trajectories).run();
  } else {
    parallel_for(trajectories, [&](std::size_t k) { Group(*this, chunk, k, 1).run(); });
  }
  std::vector<AssimilationError> fresh;
  for (std::size_t k = 0; k < trajectories; ++k)
    if (failed[k] && !before[k]) fresh.push_back(*failed[k]);
  std::stable_sort(fresh.begin(), fresh.end(),
                   [](const auto& a, const auto& b) { return a.cycle < b.cycle; });
  failures.insert(failures.end(), fresh.begin(), fresh.end());
  done += cycles;
}

}  // namespace papillon::inline assimilation
