// papillon assimilate: twin experiments, one or a file full of them.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "papillon/apps/assimilate/build.hpp"
#include "papillon/apps/assimilate/comparison.hpp"
#include "papillon/apps/assimilate/figures.hpp"
#include "papillon/apps/assimilate/tables.hpp"
#include "papillon/apps/gnuplot.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/tensor/errors.hpp"

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

  std::vector<Option> options() override { return options_.list(); }

  std::string default_config() const override {
    const ResultOptions& c = options_.results;
    if (!c.resume || c.out.empty()) return {};
    const auto path = std::filesystem::path(c.out) / "config.toml";
    return std::filesystem::exists(path) ? path.string() : std::string();
  }

  Json run(const Context& context) override {
    const ResultOptions& c = options_.results;
    context.say_when_interrupted(c.out.empty() ? "nothing is saved without --out DIR"
                                               : "what was finished is kept");
    InputFiles files;
    if (context.runs.empty()) return one_run(single_run(options_, context), files);
    std::vector<AssimilationRun> runs = listed_runs(options_, context);
    check(runs);
    return compare(context, std::move(runs), files);
  }

 private:
  void check(std::span<const AssimilationRun> runs) const {
    const ResultOptions& c = options_.results;
    for (const AssimilationRun& run : runs) require_memory_for(run);
    if (!c.figure.empty()) require_figure(c.figure + "-interval", "--figure");
    require_writable_directory(c.out, "--out");
    if (!c.figure.empty()) require_drawable(runs);
  }

  Json one_run(const AssimilationRun& run, InputFiles& files) const {
    const ResultOptions& c = run.options.results;
    check({&run, 1});
    if (c.resume) require_resumable(run);
    if (!c.out.empty() && !c.resume) refuse_other_run(run, files);
    check_run(run, files);
    std::optional<OutputDirectory> directory;
    if (!c.out.empty() && !c.resume) {
      directory.emplace(run.context, c.out);
      std::error_code ignored;
      for (const char* file : {"results.json", "stored.safetensors", "checkpoint.safetensors"})
        std::filesystem::remove(run.file(file), ignored);
    }
    const std::string resume = "papillon assimilate --out " + c.out + " --resume";
    const FinishedRun finished{run, run_once(run, files, resume)};
    if (run.context.tables()) print_tables({&finished, 1});
    if (!c.figure.empty()) draw_comparison(c.figure, {&finished, 1}, {&run, 1}, files);
    Json results = to_json(finished.result);
    if (!finished.result.failure.empty()) results["failed"] = finished.result.failure;
    return results;
  }

  static void require_resumable(const AssimilationRun& run) {
    const std::string& out = run.options.results.out;
    require(out, "--out DIR");
    if (std::filesystem::exists(run.file("checkpoint.safetensors"))) return;
    if (std::filesystem::exists(run.file("results.json")))
      throw InputError(fmt::format("{}: the run is finished; there is nothing to resume", out));
    if (std::filesystem::exists(run.file("tuning.json"))) return;
    throw InputError(fmt::format("{}: no such file; there is no run to resume",
                                 run.file("checkpoint.safetensors").string()));
  }

  AssimilateOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_assimilate() {
  return std::make_unique<Assimilate>();
}

}  // namespace papillon::apps
