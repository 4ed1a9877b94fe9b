// papillon sample: draws states from a model, or ensembles around given states.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "papillon/apps/command.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/partial.hpp"
#include "papillon/diffusion/sampler.hpp"
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
    app.add_option("--model", model_, "trained model (needed)");
    app.add_option("--out", out_, "file for the states, .nc or .npy (needed)");
    app.add_option("--count", count_, "states to draw")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000'000}));
    app.add_option("--sampler", sampler_,
                   "how: dpm2m and dpm3m are DPM-Solver++ (aliases dpmpp2m, dpmpp3m)")
        ->transform(sampler_alias())
        ->check(CLI::IsMember({"ddpm", "ddim", "dpm2m", "dpm3m", "heun"}));
    app.add_option("--steps", options_.steps, "of the reverse process");
    app.add_option("--spacing", spacing_,
                   "of its timesteps; auto: uniform for ddpm and ddim, else log_snr")
        ->check(CLI::IsMember({"auto", "uniform", "leading", "trailing", "log_snr", "karras"}));
    app.add_option("--eta", options_.eta, "noise of ddim: 0 none, 1 as ddpm")->check(within(0, 1));
    app.add_option("--variance", variance_, "of ddpm")->check(CLI::IsMember({"small", "large"}));
    app.add_option("--rho", options_.rho, "of karras spacing")->check(within(0.1, 100));
    app.add_option("--clip", options_.clip, "predicted normalised states; 0: not")
        ->check(within(0, 1e6));
    app.add_option("--from", from_, "states to make ensembles from, in place of --count");
    app.add_option("--start-step", start_step_, "steps from the end where they are noised");
    app.add_option("--members", members_, "of each ensemble")->check(CLI::Range(1, 1000000));
    app.add_option("--batch-size", batch_, "states at a time; results do not depend on it")
        ->transform(count_number())
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 24));
  }

  Json run(const Context& context) override {
    require(model_, "--model FILE");
    require(out_, "--out FILE");
    check_state_extension(out_);
    if (!from_.empty() && start_step_ == 0)
      throw UsageError("--start-step K is needed with --from");
    if (from_.empty() && start_step_ != 0)
      throw UsageError("--start-step is for ensembles: --from FILE is needed with it");
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
    sampler_timesteps(model.schedule, options_);  // refuses what makes no sense before work begins
    context.say_when_interrupted("nothing is written");
    return from_.empty() ? draw(context, model, denoising) : ensembles(context, model, denoising);
  }

 private:
  StateLayout layout(const Context& context, std::size_t members, std::size_t times,
                     const DiffusionModel& model) const {
    StateLayout layout;
    layout.members = members;
    layout.times = times;
    layout.dimension = model.shift.size();
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

  Json draw(const Context& context, const DiffusionModel& model,
            const DenoisingModel<float>& denoising) {
    const std::size_t d = model.shift.size();
    Tensor<float> states(Shape{count_, d});
    Progress progress("sample", count_, "states", context.quiet);
    int evaluations = 0;
    for (std::size_t first = 0; first < count_; first += batch_) {
      const std::size_t n = std::min(batch_, count_ - first);
      options_.first_row = first;
      track(progress, first, n);
      Samples<float> drawn = sample(denoising, n, d, options_);
      denormalise(drawn.states, model.shift, model.scale);
      std::memcpy(states.data() + first * d, drawn.states.data(), n * d * sizeof(float));
      evaluations = drawn.network_evaluations;
    }
    progress.finish();
    write_states(out_, states, layout(context, count_, 1, model));
    return report(context, count_, evaluations, progress);
  }

  Json ensembles(const Context& context, const DiffusionModel& model,
                 const DenoisingModel<float>& denoising) {
    const std::size_t d = model.shift.size();
    States given = read_states(from_, d);
    normalise(given.values, model.shift, model.scale);
    const std::size_t count = given.values.extent(0), members = static_cast<std::size_t>(members_);
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
      denormalise(drawn.states, model.shift, model.scale);
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
