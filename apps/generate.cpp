// papillon generate: integrates trajectories.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/lorenz/dynamics/systems.hpp"
#include "papillon/lorenz/dynamics/trajectories.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

struct GenerateOptions {
  std::string out, format = "nc", scheme = "rk4";
  Choice<NamedSystem()> system{systems(), "system", "dynamical system", "lorenz63"};
  std::size_t validation = 1, test = 16;
  TrajectorySetOptions set;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    constexpr std::uint64_t members = 1'000'000'000, steps = 1'000'000'000'000;
    visit("out", self.out, {"directory for train, validation and test (needed)", {}, Role::output});
    visit("format", self.format, {"of the files", {}, {}, {"nc", "npy"}});
    visit(self.system);
    visit("members", self.set.members, {"training trajectories", closed(1, members)});
    visit("validation-members", self.validation,
          {"validation trajectories (0: no such file)", closed(0, members)});
    visit("test-members", self.test, {"test trajectories (0: no such file)", closed(0, members)});
    visit("steps", self.set.steps,
          {"time steps of each, after the burn-in; a multiple of --store-every", closed(1, steps)});
    visit("burn-in", self.set.burn_in, {"time steps before the first state", closed(0, steps)});
    visit("store-every", self.set.store_every,
          {"time steps between stored states", closed(1, steps)});
    visit("dt", self.set.dt, {"time step", closed(1e-9, 1)});
    visit("scheme", self.scheme, {"integrator", {}, {}, scheme_names()});
    visit("precision", self.set.precision, {"of the integration"});
  }
};

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

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, s_);
    return list;
  }

  Json run(const Context& context) override {
    require(s_.out, "--out DIR");
    set_ = s_.set;
    set_.seed = context.seed;
    set_.scheme = scheme_named(s_.scheme);
    system_.emplace(s_.system.make().system);
    if (set_.steps % set_.store_every != 0)
      throw UsageError(fmt::format("--steps {} is no multiple of --store-every {}", set_.steps,
                                   set_.store_every));
    require_writable_directory(s_.out, "--out");
    const Set sets[] = {{"train", Purpose::training_trajectories, set_.members},
                        {"validation", Purpose::validation_trajectories, s_.validation},
                        {"test", Purpose::test_trajectories, s_.test}};
    for (const Set& set : sets)
      if (set.members > 0) check_state_file(file(set), layout(context, set));
    context.say_when_interrupted("sets that are finished are kept");
    const Set& largest = *std::max_element(std::begin(sets), std::end(sets),
                                           [](auto& a, auto& b) { return a.members < b.members; });
    require_memory(memory(layout(context, largest)),
                   fmt::format("a set of {} trajectories", format_count(largest.members)),
                   "take fewer members, steps or components, or --format nc");
    const OutputDirectory directory(context, s_.out);
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
    return std::filesystem::path(s_.out) / fmt::format("{}.{}", set.name, s_.format);
  }

  StateLayout layout(const Context& context, const Set& set) const {
    StateLayout layout;
    layout.members = set.members;
    layout.times = set_.steps / set_.store_every;
    layout.dimension = system_->dimension();
    layout.dt = set_.dt * static_cast<double>(set_.store_every);
    layout.attributes = {
        {"title", fmt::format("{} trajectories: {} set", s_.system.name(), set.name)},
        {"system", s_.system.name()},
        {"scheme", s_.scheme},
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
    stream_trajectories(*system_, options, sink, layout.block_times());
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
    const double number = set_.precision == Precision::float64 ? 8 : 4;
    return m * d * (2 * number + 4 * block) + 24 * d * d +
           (s_.format == "npy" ? 4 * m * t * d : 8 * (m + t));
  }

  GenerateOptions s_;
  TrajectorySetOptions set_;
  std::optional<AnySystem> system_;
};

}  // namespace

std::unique_ptr<Command> make_generate() {
  return std::make_unique<Generate>();
}

}  // namespace papillon::apps
