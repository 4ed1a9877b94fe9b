// papillon generate: integrates trajectories.
#include <fmt/format.h>

#include <algorithm>

#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/options.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/lorenz/climatology.hpp"
#include "papillon/lorenz/trajectories.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

class Generate : public Command {
 public:
  const char* name() const override { return "generate"; }
  const char* about() const override {
    return "Integrate trajectories: training, validation and test sets.";
  }
  const char* example() const override {
    return "  papillon generate --out data                               # the paper's sets\n"
           "  papillon generate --out data --members 4 --steps 200000 --format npy\n";
  }

  void add_options(CLI::App& app) override {
    constexpr std::uint64_t members = 1'000'000'000, steps = 1'000'000'000'000;
    OptionGroup g(app);
    g.text("--out", out_, "directory for train, validation and test (needed)");
    g.choice("--format", format_, {"nc", "npy"}, "of the files");
    g.choice("--system", system_, {"lorenz63", "lorenz96"}, "dynamical system");
    g.whole("--dimension", dimension_, {4, 100'000}, "components of lorenz96");
    g.number("--forcing", forcing_, closed(-1e3, 1e3), "of lorenz96");
    g.whole("--members", set_.members, {1, members}, "training trajectories");
    g.whole("--validation-members", validation_, {0, members},
            "validation trajectories (0: no such file)");
    g.whole("--test-members", test_, {0, members}, "test trajectories (0: no such file)");
    g.whole("--steps", set_.steps, {1, steps},
            "time steps of each, after the burn-in; a multiple of --store-every");
    g.whole("--burn-in", set_.burn_in, {0, steps}, "time steps before the first state");
    g.whole("--store-every", set_.store_every, {1, steps}, "time steps between stored states");
    g.number("--dt", set_.dt, closed(1e-9, 1), "time step");
    g.choice("--scheme", scheme_, {"euler", "heun", "rk4"}, "integrator");
    g.choice("--precision", precision_, {"float", "double"}, "of the integration");
  }

  Json run(const Context& context) override {
    require(out_, "--out DIR");
    set_.seed = context.seed;
    set_.double_precision = precision_ == "double";
    set_.scheme = scheme_ == "euler"  ? Scheme::euler
                  : scheme_ == "heun" ? Scheme::heun
                                      : Scheme::rk4;
    if (set_.steps % set_.store_every != 0)
      throw UsageError(fmt::format("--steps {} is no multiple of --store-every {}", set_.steps,
                                   set_.store_every));
    require_writable_directory(out_, "--out");
    const Set sets[] = {{"train", Purpose::training_trajectories, set_.members},
                        {"validation", Purpose::validation_trajectories, validation_},
                        {"test", Purpose::test_trajectories, test_}};
    for (const Set& set : sets)
      if (set.members > 0) check_state_file(file(set), layout(context, set));
    context.say_when_interrupted("sets that are finished are kept");
    const Set& largest = *std::max_element(std::begin(sets), std::end(sets),
                                           [](auto& a, auto& b) { return a.members < b.members; });
    require_memory(memory(layout(context, largest)),
                   fmt::format("a set of {} trajectories", format_count(largest.members)),
                   "take fewer members, steps or components, or --format nc");
    const OutputDirectory directory(context, out_);
    Json results;
    for (const Set& set : sets)
      if (set.members > 0) write(context, set, results);
    return results;
  }

 private:
  struct Set {
    const char* name;
    Purpose purpose;
    std::size_t members;
  };

  std::filesystem::path file(const Set& set) const {
    return std::filesystem::path(out_) / fmt::format("{}.{}", set.name, format_);
  }

  StateLayout layout(const Context& context, const Set& set) const {
    StateLayout layout;
    layout.members = set.members;
    layout.times = set_.steps / set_.store_every;
    layout.dimension = system_ == "lorenz63" ? 3 : dimension_;
    layout.dt = set_.dt * static_cast<double>(set_.store_every);
    layout.attributes = {{"title", fmt::format("{} trajectories: {} set", system_, set.name)},
                         {"system", system_},
                         {"scheme", scheme_},
                         {"seed", std::to_string(context.seed)},
                         {"configuration", context.settings.dump()}};
    return layout;
  }

  void write(const Context& context, const Set& set, Json& results) {
    TrajectorySetOptions options = set_;
    options.members = set.members;
    options.set = set.purpose;
    const StateLayout layout = this->layout(context, set);
    const std::filesystem::path path = file(set);
    const auto writer = open_state_writer(path, layout);
    Climatology climatology(layout.dimension);
    Progress progress(set.name, layout.times * set.members, "states", context.quiet);
    const TrajectorySink sink = [&](const Tensor<float>& states, std::size_t first_time) {
      writer->write(states, first_time);
      climatology.add(states.span());
      progress.update((first_time + states.extent(1)) * set.members);
    };
    if (system_ == "lorenz63")
      stream_trajectories(Lorenz63{}, options, sink, layout.block_times());
    else
      stream_trajectories(Lorenz96{dimension_, forcing_}, options, sink, layout.block_times());
    writer->commit();
    progress.finish();
    results[set.name] = {
        {"file", path.string()},
        {"states", layout.times * set.members},
        {"mean", climatology.mean()},
        {"standard_deviation",
         climatology.count() > 1 ? Json(climatology.standard_deviation()) : Json()}};
    if (context.tables())
      fmt::print("{}  {} states\n", path.string(), format_count(layout.times * set.members));
  }

  // States and the numbers that they begin with, a block of times, the covariance of the states
  // twice and a block's, axes, and what NPY is put together in.
  double memory(const StateLayout& layout) const {
    const auto m = static_cast<double>(layout.members), t = static_cast<double>(layout.times),
               d = static_cast<double>(layout.dimension),
               block = static_cast<double>(layout.block_times());
    const double number = set_.double_precision ? 8 : 4;
    return m * d * (2 * number + 4 * block) + 24 * d * d +
           (format_ == "npy" ? 4 * m * t * d : 8 * (m + t));
  }

  std::string out_, format_ = "nc", system_ = "lorenz63", scheme_ = "rk4", precision_ = "double";
  std::size_t dimension_ = 40, validation_ = 1, test_ = 16;
  double forcing_ = 8;
  TrajectorySetOptions set_;
};

}  // namespace

std::unique_ptr<Command> make_generate() {
  return std::make_unique<Generate>();
}

}  // namespace papillon::apps
