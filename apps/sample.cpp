// papillon sample: draws states from a model, or ensembles around given states.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/options.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/partial.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/diffusion/timesteps.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon::apps {
namespace {

CLI::Validator sampler_alias() {
  return CLI::Validator(
      [](std::string& name) -> std::string {
        if (name.rfind("dpmpp", 0) == 0) name.erase(3, 2);
        return {};
      },
      "");
}

class Sample : public Command {
 public:
  const char* name() const override { return "sample"; }
  const char* about() const override {
    return "Draw states from a model, or ensembles from the neighbourhood of given states.";
  }
  const char* example() const override {
    return "  papillon sample --model run/model.safetensors --count 131072 --out samples.npy\n"
           "  papillon sample --model run/model.safetensors --sampler ddpm --steps 100 \\\n"
           "      --from analysis.nc --start-step 13 --members 50 --out ensemble.nc\n";
  }

  void add_options(CLI::App& app) override {
    OptionGroup g(app);
    g.text("--model", model_, "trained model (needed)");
    g.text("--out", out_, "file for the states, .nc or .npy (needed)");
    g.whole("--count", count_, {1, 10'000'000'000}, "states to draw");
    g.choice("--sampler", sampler_, {"ddpm", "ddim", "dpm2m", "dpm3m", "heun"},
             "how: dpm2m and dpm3m are DPM-Solver++ (aliases dpmpp2m, dpmpp3m)")
        ->transform(sampler_alias());
    g.whole("--steps", options_.steps, {1, 100'000},
            "of the reverse process, at most those of the model");
    g.choice("--spacing", spacing_, {"auto", "uniform", "leading", "trailing", "log_snr", "karras"},
             "of its timesteps; auto: uniform for ddpm and ddim, else log_snr");
    g.number("--eta", options_.eta, closed(0, 1), "noise of ddim: 0 none, 1 as ddpm");
    g.choice("--variance", variance_, {"small", "large"}, "of ddpm");
    g.number("--rho", options_.rho, closed(0.1, 100), "of karras spacing");
    g.number("--clip", options_.clip, closed(0, 1e6), "predicted normalised states; 0: not");
    g.text("--from", from_, "states to make ensembles from, in place of --count");
    g.whole("--start-step", start_step_, {0, 100'000},
            "steps from the end where they are noised, at most --steps; needed with --from");
    g.whole("--members", members_, {1, 1'000'000}, "of each ensemble");
    g.whole("--batch-size", batch_, {1, 1 << 24}, "states at a time; results do not depend on it");
  }

  Json run(const Context& context) override {
    require(model_, "--model FILE");
    require(out_, "--out FILE");
    check_state_extension(out_);
    require_writable_file(out_, "--out");
    if (!from_.empty() && start_step_ == 0)
      throw UsageError("--start-step K is needed with --from");
    if (from_.empty() && start_step_ != 0)
      throw UsageError("--start-step is for ensembles: --from FILE is needed with it");
    if (start_step_ > options_.steps)
      throw UsageError(
          fmt::format("--start-step {} is more than --steps {}", start_step_, options_.steps));
    if (options_.eta != 0 && sampler_ != "ddim")
      throw UsageError(
          fmt::format("--eta {} is for --sampler ddim, not {}", options_.eta, sampler_));
    if (variance_ != "small" && sampler_ != "ddpm")
      throw UsageError(
          fmt::format("--variance {} is for --sampler ddpm, not {}", variance_, sampler_));
    options_.sampler = parse_sampler(sampler_);
    const bool uniform = sampler_ == "ddpm" || sampler_ == "ddim";
    options_.spacing = spacing_ != "auto" ? parse_spacing(spacing_)
                       : uniform          ? Spacing::uniform
                                          : Spacing::log_snr;
    options_.variance =
        variance_ == "small" ? DdpmVariance::fixed_small : DdpmVariance::fixed_large;
    options_.random = random_stream(context.seed, Purpose::sampling_noise);
    const DiffusionModel model = load_model(model_);
    const DenoisingModel<float> denoising{make_denoiser(model), model.schedule, model.head};
    if (options_.steps > model.schedule.steps())
      throw UsageError(fmt::format("--steps {}: {} has {} diffusion steps", options_.steps, model_,
                                   model.schedule.steps()));
    // Refuse what makes no sense before work begins.
    const std::vector<int> timesteps = sampler_timesteps(model.schedule, options_);
    if (!from_.empty()) last_steps(timesteps, start_step_);
    context.say_when_interrupted("nothing is written");
    return from_.empty() ? draw(context, model, denoising) : ensembles(context, model, denoising);
  }

 private:
  StateLayout layout(const Context& context, std::size_t members, std::size_t times,
                     const DiffusionModel& model) const {
    StateLayout layout;
    layout.members = members;
    layout.times = times;
    layout.dimension = model.normalisation.dimension();
    layout.attributes = {{"title", "states drawn from a diffusion model"},
                         {"seed", std::to_string(context.seed)},
                         {"configuration", context.settings.dump()}};
    return layout;
  }

  // Counts rows times steps.
  void track(Progress& progress, std::uint64_t rows_before, std::uint64_t rows) {
    options_.progress = [&progress, rows_before, rows](int done, int steps) {
      progress.update(rows_before +
                      rows * static_cast<std::uint64_t>(done) / static_cast<std::uint64_t>(steps));
    };
  }

  Json report(const Context& context, std::size_t states, int evaluations,
              const Progress& progress) const {
    if (context.tables()) fmt::print("{}  {} states\n", out_, format_count(states));
    return {{"file", out_},
            {"states", states},
            {"network_evaluations", evaluations},
            {"states_per_second", progress.rate()}};
  }

  // A batch is held by a sampler six times: noise, predictions, and those of steps before.
  static void require_states(std::size_t states, std::size_t batch, std::size_t d) {
    require_memory(4.0 * static_cast<double>(d) *
                       (static_cast<double>(states) + 6 * static_cast<double>(batch)),
                   fmt::format("drawing {} states", format_count(states)),
                   "draw fewer at a time, or with a smaller --batch-size");
  }

  Json draw(const Context& context, const DiffusionModel& model,
            const DenoisingModel<float>& denoising) {
    const std::size_t d = model.normalisation.dimension();
    check_state_file(out_, layout(context, count_, 1, model));
    const bool copied = std::filesystem::path(out_).extension() == ".nc";
    require_states((copied ? 3 : 1) * count_, std::min(count_, batch_), d);
    Tensor<float> states(Shape{count_, d});
    Progress progress("sample", count_, "states", context.quiet);
    int evaluations = 0;
    for (std::size_t first = 0; first < count_; first += batch_) {
      const std::size_t n = std::min(batch_, count_ - first);
      options_.first_row = first;
      track(progress, first, n);
      Samples<float> drawn = sample(denoising, n, d, options_);
      model.normalisation.denormalise(drawn.states);
      std::memcpy(states.data() + first * d, drawn.states.data(), n * d * sizeof(float));
      evaluations = drawn.network_evaluations;
    }
    progress.finish();
    write_states(out_, states, layout(context, count_, 1, model));
    return report(context, count_, evaluations, progress);
  }

  Json ensembles(const Context& context, const DiffusionModel& model,
                 const DenoisingModel<float>& denoising) {
    const std::size_t d = model.normalisation.dimension();
    States given = read_states(from_, d);
    model.normalisation.normalise(given.values);
    const std::size_t count = given.values.extent(0), members = static_cast<std::size_t>(members_);
    const bool whole = std::filesystem::path(out_).extension() == ".npy";
    require_states(whole ? count * members : 0, std::max(batch_, members), d);
    StateLayout to = layout(context, members, count, model);
    const auto writer = open_state_writer(out_, to);
    Progress progress("sample", count * members, "states", context.quiet);
    const std::size_t block = std::max<std::size_t>(1, batch_ / members);
    int evaluations = 0;
    for (std::size_t first = 0; first < count; first += block) {
      const std::size_t n = std::min(block, count - first);
      const Tensor<float> part(Shape{n, d}, given.values.span().subspan(first * d, n * d));
      options_.first_row = first;
      track(progress, first * members, n * members);
      Samples<float> drawn = diffuse_and_denoise(denoising, part, members_, start_step_, options_);
      model.normalisation.denormalise(drawn.states);
      writer->write(drawn.states, first);
      evaluations = drawn.network_evaluations;
    }
    progress.finish();
    writer->commit();
    return report(context, count * members, evaluations, progress);
  }

  std::string model_, out_, from_, sampler_ = "dpm2m", spacing_ = "auto", variance_ = "small";
  std::size_t count_ = 131072, batch_ = 65536;
  int start_step_ = 0, members_ = 50;
  SamplerOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_sample() {
  return std::make_unique<Sample>();
}

}  // namespace papillon::apps
