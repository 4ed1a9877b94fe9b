// papillon bench: speeds, each as a fraction of a limit measured in the same run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "papillon/apps/bench_assimilation.hpp"
#include "papillon/apps/bench_gemm.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/diffusion/trainer.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/surrogate/ridge.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::apps {
namespace {

constexpr std::size_t D = 3, H = 256, blocks = 3, E = 512, T = 1000;

// Floating-point operations, multiplications and additions.
constexpr double body_flops(std::size_t rows) {  // one pass without FiLM
  return 2.0 * static_cast<double>(rows) * (D * H + blocks * 2 * H * H + H * D);
}
constexpr double film_flops(double timesteps) {
  return 2.0 * timesteps * blocks * E * 2 * H;
}
// Forward, then the gradients of inputs and of weights, of which the first layer and FiLM need only
// the latter.
double train_flops(std::size_t rows, double timesteps) {
  return 3 * body_flops(rows) - 2.0 * static_cast<double>(rows) * D * H + 2 * film_flops(timesteps);
}
double distinct_timesteps(std::size_t rows) {
  return T * (1 - std::pow(1 - 1.0 / T, static_cast<double>(rows)));
}
constexpr double rk4_flops = 4 * 8 + 3 * 6 + 3 * 6;  // tendencies, stages, the weighted sum

struct BenchOptions {
  std::vector<std::size_t> batch_sizes{1024, 16384};
  std::size_t strata = 128;
  double seconds = 2;
  std::string only;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("batch-size", self.batch_sizes, {"of training and sampling", closed(1, 1 << 22)});
    visit("strata", self.strata, {"of train_B_stratified", closed(1, 1000)});
    visit("seconds", self.seconds, {"for each case", closed(0.01, 600)});
    visit("only", self.only, {"cases whose name contains this"});
  }
};

class Bench : public Command {
 public:
  const char* name() const override { return "bench"; }
  const char* about() const override { return "Measure speeds against the machine's limit."; }
  const char* notes() const override {
    return "The limit of a training step or a denoising step is its arithmetic in matrix products\n"
           "at the speed of sgemm (256 x 256 x 256, one product a thread), measured in turns with\n"
           "it, for N states of D = 3, width H = 256, embedding E = 512, and S different "
           "timesteps\n"
           "in a batch:\n"
           "  sample  2 N (D H + 3 x 2 H H + H D)  +  2 x 3 E 2 H            (FiLM once)\n"
           "  train   3 x 2 N (D H + 3 x 2 H H + H D) - 2 N D H  +  2 x 2 S x 3 E 2 H\n"
           "ridge: F (F + 1) + 2 F D operations a sample of F = 1536 features, at the speed of "
           "dgemm.\n"
           "lorenz63_rk4: 68 operations a state-step at the same speed.\n"
           "etkf_12: cycles of 16 Lorenz-63 trajectories, 12 members, an observation every 10\n"
           "steps, beside the integration of members and truths alone. enoi_diffusion: 16 x 50\n"
           "members from DDPM begun at step 13, beside 13 denoising steps of 800 states.";
  }
  const char* example() const override {
    return "  papillon bench --json bench.json\n"
           "  papillon bench --batch-size 16384 --seconds 5\n";
  }

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, o_);
    return list;
  }

  Json run(const Context& context) override {
    context_ = &context;
    results_ = Json::object();
    cases_.clear();
    if (context.tables())
      fmt::print("{:<26}{:>14}  {:<16}{:>14}{:>10}\n", "case", "value", "unit", "limit", "reached");
    Gemm<float> one(1), all(thread_count());
    all_ = &all;
    sgemm(one, all);
    const Tensor<float> states =
        random_normal<float>({1 << 17, D}, random_stream(context.seed, Purpose::benchmark, 0));
    for (const std::size_t batch : o_.batch_sizes) {
      const std::string b = std::to_string(batch);
      const std::size_t strata = std::min(o_.strata, batch);
      train("train_" + b, states, batch, 0, distinct_timesteps(batch));
      train("train_" + b + "_stratified", states, batch, strata, static_cast<double>(strata));
      sample("sample_" + b, batch);
    }
    ridge();
    lorenz();
    etkf();
    enoi_diffusion();
    if (results_.empty())
      throw UsageError(fmt::format("--only is '{}'; must be in the name of a case: {}", o_.only,
                                   fmt::join(cases_, ", ")));
    return std::move(results_);
  }

 private:
  bool selected(const std::string& name) {
    cases_.push_back(name);
    return name.find(o_.only) != std::string::npos;
  }

  void report(const std::string& name, double value, const char* unit, double limit,
              double fraction) {
    Json& entry = results_[name] = {{"value", value}, {"unit", unit}};
    entry["limit"] = limit > 0 ? json_number(limit) : Json();
    entry["fraction"] = limit > 0 ? json_number(fraction) : Json();
    if (!context_->tables()) return;
    fmt::print("{:<26}{:>14.4g}  {:<16}", name, value, unit);
    if (limit > 0) fmt::print("{:>14.4g}{:>8.1f} %", limit, 100 * fraction);
    fmt::print("\n");
    std::fflush(stdout);
  }

  void sgemm(Gemm<float>& one, Gemm<float>& all) {
    const bool single = selected("sgemm_one_core"), full = selected("sgemm_all_cores");
    if (!single && !full) return;
    std::vector<double> singles, alls, fractions;
    for (double spent = 0; spent < o_.seconds; spent += 0.2) {
      singles.push_back(one.measure(0.1));
      alls.push_back(all.measure(0.1));
      fractions.push_back(alls.back() / (singles.back() * static_cast<double>(thread_count())));
    }
    if (single) report("sgemm_one_core", median(singles), "FLOP/s", 0, 0);
    if (full)
      report("sgemm_all_cores", median(alls), "FLOP/s",
             median(singles) * static_cast<double>(thread_count()), median(fractions));
  }

  // Turns of a piece of work and of its limit, until their time is over; the machine's speed
  // changes as others use it.
  struct Turn {
    double value, limit, seconds;
  };
  void in_turns(const std::string& name, const char* unit, const std::function<Turn()>& turn) {
    std::vector<double> values, limits, fractions;
    for (double spent = 0; spent < o_.seconds || values.size() < 3;) {
      const Turn t = turn();
      spent += t.seconds;
      values.push_back(t.value);
      limits.push_back(t.limit);
      fractions.push_back(t.value / t.limit);
    }
    report(name, median(values), unit, median(limits), median(fractions));
  }

  void against_sgemm(const std::string& name, const char* unit, double items, double flops,
                     const std::function<void()>& work) {
    against(*all_, name, unit, items, flops, work);
  }

  // Turns of about 0.1 s of products and of work.
  template <class T>
  void against(Gemm<T>& products, const std::string& name, const char* unit, double items,
               double flops, const std::function<void()>& work) {
    double once = seconds_of(work);  // warms up, too
    in_turns(name, unit, [&]() -> Turn {
      const auto repetitions = std::max<std::size_t>(1, static_cast<std::size_t>(0.2 / once));
      const double before = products.measure(0.05);
      const double time = seconds_of([&] {
        for (std::size_t r = 0; r < repetitions; ++r) work();
      });
      const double speed = (before + products.measure(0.05)) / 2;
      once = time / static_cast<double>(repetitions);
      return {items / once, items * speed / flops, time + 0.1};
    });
  }

  void train(const std::string& name, const Tensor<float>& states, std::size_t batch,
             std::size_t strata, double timesteps) {
    if (!selected(name)) return;
    TrainOptions options;
    options.batch_size = batch;
    options.strata = strata;
    options.total_samples = std::uint64_t{1} << 50;
    Trainer trainer(options, NoiseSchedule::cosine(), states, {{0, 0, 0}, {1, 1, 1}});
    against_sgemm(name, "states/s", static_cast<double>(batch), train_flops(batch, timesteps),
                  [&] { trainer.step(); });
  }

  static DiffusionModel untrained(Normalisation normalisation) {
    return {ResidualFilmMlp<float>({D, H, blocks, E}, 0),
            NoiseSchedule::cosine(),
            Head::velocity,
            std::move(normalisation),
            {}};
  }

  void sample(const std::string& name, std::size_t batch) {
    if (!selected(name)) return;
    const Denoiser<float> denoiser = make_denoiser(untrained({{0, 0, 0}, {1, 1, 1}}));
    const Tensor<float> z =
        random_normal<float>({batch, D}, random_stream(0, Purpose::benchmark, 1));
    int t = static_cast<int>(T);
    against_sgemm(name, "states/s", static_cast<double>(batch), body_flops(batch) + film_flops(1),
                  [&] {
                    denoiser(z, t);
                    t = t > 1 ? t - 1 : static_cast<int>(T);
                  });
  }

  // Streaming ridge regression on features that are there already, as the surrogates with random
  // features or six timesteps of the network have them.
  void ridge() {
    if (!selected("ridge")) return;
    constexpr std::size_t rows = 1 << 14, F = 1536, distinct = 1 << 12;
    const Tensor<double> x = random_normal<double>({distinct, F},
                                                   random_stream(0, Purpose::benchmark, 2)),
                         y = random_normal<double>({distinct, D},
                                                   random_stream(0, Purpose::benchmark, 3));
    const auto source = [&](std::size_t first, std::size_t n, double* to_x, std::size_t ldx,
                            double* to_y, std::size_t ldy) {
      for (std::size_t r = 0; r < n; ++r) {
        const std::size_t from = (first + r) % distinct;
        std::copy_n(x.data() + from * F, F, to_x + r * ldx);
        std::copy_n(y.data() + from * D, D, to_y + r * ldy);
      }
    };
    StreamingRidge ridge(F, D);
    Gemm<double> dgemm(thread_count());
    against(dgemm, "ridge", "samples/s", rows,
            static_cast<double>(rows * (F * (F + 1) + 2 * F * D)),
            [&] { ridge.add(rows, source); });
  }

  void lorenz() {
    if (!selected("lorenz63_rk4")) return;
    constexpr std::size_t members = 1 << 13, steps = 500;
    Tensor<float> states =
        random_normal<float>({members, D}, random_stream(0, Purpose::benchmark, 4));
    constexpr double state_steps = static_cast<double>(members * steps);
    against_sgemm("lorenz63_rk4", "state-steps/s", state_steps, rk4_flops * state_steps,
                  [&] { integrate(Lorenz63{}, Scheme::rk4, 0.01, steps, states); });
  }

  // In turns with the integration alone.
  void etkf() {
    if (!selected("etkf_12")) return;
    const CyclesToRun cycles = etkf_cycles(12, context_->seed);
    const CyclesToRun model = integration_alone(12, context_->seed);
    seconds_of(cycles.work);  // warms up
    in_turns("etkf_12", "cycles/s", [&]() -> Turn {
      const double limit = seconds_of(model.work), time = seconds_of(cycles.work);
      return {static_cast<double>(cycles.cycles) / time, static_cast<double>(model.cycles) / limit,
              limit + time};
    });
  }

  void enoi_diffusion() {
    if (!selected("enoi_diffusion")) return;
    constexpr int members = 50, start_step = 13;
    const CyclesToRun cycles =
        enoi_diffusion_cycles(untrained({{0.0450, 0.0451, 23.5463}, {7.9239, 9.0124, 8.6261}}),
                              members, start_step, context_->seed);
    against_sgemm("enoi_diffusion", "cycles/s", static_cast<double>(cycles.cycles),
                  start_step * (body_flops(bench_trajectories * members) + film_flops(1)),
                  cycles.work);
  }

  BenchOptions o_;
  std::vector<std::string> cases_;  // all names
  const Context* context_ = nullptr;
  Gemm<float>* all_ = nullptr;
  Json results_;
};

}  // namespace

std::unique_ptr<Command> make_bench() {
  return std::make_unique<Bench>();
}

}  // namespace papillon::apps
