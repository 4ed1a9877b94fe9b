// papillon generate: integrates trajectories.
#include <fmt/format.h>

#include "papillon/apps/command.hpp"
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
    app.add_option("--out", out_, "directory for train, validation and test (needed)");
    app.add_option("--format", format_, "of the files")->check(CLI::IsMember({"nc", "npy"}));
    app.add_option("--system", system_, "dynamical system")
        ->check(CLI::IsMember({"lorenz63", "lorenz96"}));
    app.add_option("--dimension", dimension_, "components of lorenz96")
        ->check(CLI::Range(4, 100000));
    app.add_option("--forcing", forcing_, "of lorenz96")->check(within(-1e3, 1e3));
    const auto members = [&](const char* option, std::size_t& value, const char* help) {
      app.add_option(option, value, help)
          ->transform(count_number())
          ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000'000}));
    };
    members("--members", set_.members, "training trajectories");
    members("--validation-members", validation_, "validation trajectories (0: no such file)");
    members("--test-members", test_, "test trajectories (0: no such file)");
    app.add_option("--steps", set_.steps, "time steps of each, after the burn-in")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}));
    app.add_option("--burn-in", set_.burn_in, "time steps before the first state")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000'000'000}));
    app.add_option("--store-every", set_.store_every, "time steps between stored states")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
    app.add_option("--dt", set_.dt, "time step")->check(within(1e-9, 1));
    app.add_option("--scheme", scheme_, "integrator")
        ->check(CLI::IsMember({"euler", "heun", "rk4"}));
    app.add_option("--precision", precision_, "of the integration")
        ->check(CLI::IsMember({"float", "double"}));
  }

  Json run(const Context& context) override {
    require(out_, "--out DIR");
    set_.seed = context.seed;
    set_.double_precision = precision_ == "double";
    set_.scheme = scheme_ == "euler"  ? Scheme::euler
                  : scheme_ == "heun" ? Scheme::heun
                                      : Scheme::rk4;
    if (set_.members == 0) throw UsageError("--members: at least 1 is needed");
    context.say_when_interrupted("sets that are finished are kept");
    context.start_directory(out_);
    Json results;
    write(context, "train", Purpose::training_trajectories, set_.members, results);
    write(context, "validation", Purpose::validation_trajectories, validation_, results);
    write(context, "test", Purpose::test_trajectories, test_, results);
    return results;
  }

 private:
  void write(const Context& context, const char* set, Purpose purpose, std::size_t members,
             Json& results) {
    if (members == 0) return;
    TrajectorySetOptions options = set_;
    options.members = members;
    options.set = purpose;
    StateLayout layout;
    layout.members = members;
    layout.times = options.steps / options.store_every;
    layout.dimension = system_ == "lorenz63" ? 3 : dimension_;
    layout.dt = options.dt * static_cast<double>(options.store_every);
    layout.attributes = {{"title", fmt::format("{} trajectories: {} set", system_, set)},
                         {"system", system_},
                         {"scheme", scheme_},
                         {"seed", std::to_string(context.seed)},
                         {"configuration", context.settings.dump()}};
    const auto path = std::filesystem::path(out_) / fmt::format("{}.{}", set, format_);
    const auto writer = open_state_writer(path, layout);
    Climatology climatology(layout.dimension);
    Progress progress(set, layout.times * members, "states", context.quiet);
    const TrajectorySink sink = [&](const Tensor<float>& states, std::size_t first_time) {
      writer->write(states, first_time);
      climatology.add(states.span());
      progress.update((first_time + states.extent(1)) * members);
    };
    if (system_ == "lorenz63")
      stream_trajectories(Lorenz63{}, options, sink, layout.block_times());
    else
      stream_trajectories(Lorenz96{dimension_, forcing_}, options, sink, layout.block_times());
    writer->commit();
    progress.finish();
    results[set] = {{"file", path.string()},
                    {"states", layout.times * members},
                    {"mean", climatology.mean()},
                    {"standard_deviation", climatology.standard_deviation()}};
    if (context.tables())
      fmt::print("{}  {} states\n", path.string(), format_count(layout.times * members));
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
