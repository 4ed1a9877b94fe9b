// papillon assimilate: twin experiments, one or a file full of them.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "papillon/apps/assimilate/comparison.hpp"
#include "papillon/apps/assimilate/figures.hpp"
#include "papillon/apps/assimilate/options.hpp"
#include "papillon/apps/assimilate/results.hpp"
#include "papillon/apps/assimilate/spread.hpp"
#include "papillon/apps/assimilate/twin_run.hpp"
#include "papillon/apps/assimilate/uses.hpp"
#include "papillon/apps/assimilate/world.hpp"
#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/outputs.hpp"

namespace papillon::apps {
namespace {

class Assimilate : public Command {
 public:
  const char* name() const override { return "assimilate"; }
  const char* about() const override {
    return "Twin experiments: a truth, observations of it, and a method that follows it.";
  }
  const char* example() const override {
    return "  papillon assimilate --truth data/test.nc --method etkf --members 12 \\\n"
           "      --prior-variance-inflation 1.07 --out etkf\n"
           "  papillon assimilate --truth data/test.nc --method enoi --ensemble diffusion \\\n"
           "      --model run/model.safetensors --start-step 13 --members 50 --cycles 2000\n"
           "  papillon assimilate --config apps/experiments/finn-2024-table.toml --out table\n"
           "  papillon assimilate --system lorenz96 --members 25 --interval 1 \\\n"
           "      --observation-deviation 1 --tune analysis-anomaly-inflation --range 1:1.1\n";
  }
  const char* notes() const override {
    return "A cycle: forecast over --interval steps, score the background, analyse, score the\n"
           "analysis. nrmse_pooled is the root of the mean over components of MSE / scale^2,\n"
           "pooled over time and trajectories; rmse_time_mean is the time mean of the root mean\n"
           "square over components. In a --config file, each [[assimilate.run]] table is a run, "
           "with\n"
           "a name, over the options of [assimilate]; finished runs in --out are not repeated.";
  }

  void add_options(CLI::App& app) override { options_.add_to(app); }

  std::string default_config() const override {
    if (!options_.resume || options_.out.empty()) return {};
    const auto path = std::filesystem::path(options_.out) / "config.toml";
    return std::filesystem::exists(path) ? path.string() : std::string();
  }

  Json run(const Context& context) override {
    context.say_when_interrupted(options_.out.empty() ? "nothing is saved without --out DIR"
                                                      : "what was finished is kept");
    Inputs inputs;
    if (!context.runs.empty()) {
      std::vector<ParsedRun> runs = listed_runs(context, options_);
      for (const ParsedRun& run : runs) check(run.options);
      require_writable_directory(options_.out, "--out");
      if (!runs.front().options.figure.empty()) require_drawable(runs);
      return compare(context, std::move(runs), inputs);
    }
    if (!options_.run.empty())
      throw UsageError("--run is for a --config file with [[assimilate.run]] tables");
    ParsedRun run = parse_run(context, context.layers);
    fill_placeholders(run, run.context.settings);
    const AssimilateOptions& o = run.options;
    check(o);
    check_used(o, context.layers.front());
    require_writable_directory(o.out, "--out");
    if (!o.figure.empty()) require_drawable({run});
    if (o.resume) check_resumable(o);
    if (!o.out.empty() && !o.resume) refuse_other_run(run, inputs);
    check_run(run, inputs);
    std::optional<OutputDirectory> directory;
    if (!o.out.empty() && !o.resume) {
      directory.emplace(run.context, o.out);
      std::error_code ignored;
      for (const char* file : {"results.json", "stored.safetensors", "checkpoint.safetensors"})
        std::filesystem::remove(std::filesystem::path(o.out) / file, ignored);
    }
    Json results = o.spread.empty()
                       ? run_twin(run, inputs, "papillon assimilate --out " + o.out + " --resume")
                       : run_spread(run, inputs);
    const Json done = {{"name", o.name.empty() ? o.method : o.name},
                       {"config", run.context.settings},
                       {"results", results}};
    if (context.tables()) o.spread.empty() ? print_table({done}) : print_spread(done);
    if (!o.figure.empty()) draw_comparison(o.figure, {done}, {run}, inputs);
    return results;
  }

 private:
  static void check(const AssimilateOptions& o) {
    check_memory(o);
    if (!o.figure.empty()) require_figure(o.figure + "-interval", "--figure");
    if (o.tune.empty() && (!o.range.empty() || o.golden))
      throw UsageError("--range and --golden are for --tune OPTION");
    if (!o.tune.empty() && !o.spread.empty())
      throw UsageError("--tune and --spread exclude each other");
  }

  static void check_resumable(const AssimilateOptions& o) {
    require(o.out, "--out DIR");
    const std::filesystem::path directory(o.out);
    if (std::filesystem::exists(directory / "checkpoint.safetensors")) return;
    if (std::filesystem::exists(directory / "results.json"))
      throw InputError(fmt::format("{}: the run is finished; there is nothing to resume", o.out));
    if (std::filesystem::exists(directory / "tuning.json")) return;
    throw InputError(fmt::format("{}: no such file; there is no run to resume",
                                 (directory / "checkpoint.safetensors").string()));
  }

  AssimilateOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_assimilate() {
  return std::make_unique<Assimilate>();
}

}  // namespace papillon::apps
