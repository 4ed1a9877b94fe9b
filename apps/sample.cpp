// papillon sample: draws states from a model, or ensembles around given states.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
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

struct SampleOptions {
  std::string model, out, from;
  std::size_t count = 131072, batch = 65536;
  SamplerChoice sampling;
  std::optional<int> start_step;
  int members = 50;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    const Use around{"ensembles, with --from", [&self] { return !self.from.empty(); }};
    visit("model", self.model, {"trained model (needed)", {}, Role::input});
    visit("out", self.out, {"file for the states, .nc or .npy (needed)", {}, Role::output});
    visit("count", self.count, {"states to draw", closed(1, 10'000'000'000)},
          Use{"sampling without --from", [&self] { return self.from.empty(); }});
    visit(self.sampling);
    visit("from", self.from,
          {"states to make ensembles from, in place of --count", {}, Role::input});
    visit(
        "start-step", self.start_step,
        {"steps from the end where they are noised, at most --steps (needed)", closed(1, 100'000)},
        around);
    visit("members", self.members, {"of each ensemble", closed(1, 1'000'000)}, around);
    visit("batch-size", self.batch,
          {"states at a time; results do not depend on it", closed(1, 1 << 24)});
  }
};

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

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, o_);
    return list;
  }

  Json run(const Context& context) override {
    require(o_.model, "--model FILE");
    require(o_.out, "--out FILE");
    check_state_extension(o_.out);
    require_writable_file(o_.out, "--out");
    options_ = o_.sampling.make();
    if (!o_.from.empty()) {
      if (!o_.start_step) throw UsageError("--start-step K is needed with --from");
      if (*o_.start_step > options_.steps)
        throw UsageError(fmt::format("--start-step is {}; must be at most --steps {}",
                                     *o_.start_step, options_.steps));
    }
    options_.random = random_stream(context.seed, Purpose::sampling_noise);
    const DiffusionModel model = load_model(o_.model);
    const DenoisingModel<float> denoising{make_denoiser(model), model.schedule, model.head};
    if (options_.steps > model.schedule.steps())
      throw UsageError(fmt::format("--steps is {}; must be at most the {} diffusion steps of {}",
                                   options_.steps, model.schedule.steps(), o_.model));
    // Refuse what makes no sense before work begins.
    const std::vector<int> timesteps = sampler_timesteps(model.schedule, options_);
    if (!o_.from.empty()) last_steps(timesteps, *o_.start_step);
    context.say_when_interrupted("nothing is written");
    return o_.from.empty() ? draw(context, model, denoising) : ensembles(context, model, denoising);
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
    if (context.tables()) fmt::print("{}  {} states\n", o_.out, format_count(states));
    return {{"file", o_.out},
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
    check_state_file(o_.out, layout(context, o_.count, 1, model));
    const bool copied = std::filesystem::path(o_.out).extension() == ".nc";
    require_states((copied ? 3 : 1) * o_.count, std::min(o_.count, o_.batch), d);
    Tensor<float> states(Shape{o_.count, d});
    Progress progress("sample", o_.count, "states", context.quiet);
    int evaluations = 0;
    for (std::size_t first = 0; first < o_.count; first += o_.batch) {
      const std::size_t n = std::min(o_.batch, o_.count - first);
      options_.first_row = first;
      track(progress, first, n);
      Samples<float> drawn = sample(denoising, n, d, options_);
      model.normalisation.denormalise(drawn.states);
      std::memcpy(states.data() + first * d, drawn.states.data(), n * d * sizeof(float));
      evaluations = drawn.network_evaluations;
    }
    progress.finish();
    write_states(o_.out, states, layout(context, o_.count, 1, model));
    return report(context, o_.count, evaluations, progress);
  }

  Json ensembles(const Context& context, const DiffusionModel& model,
                 const DenoisingModel<float>& denoising) {
    const std::size_t d = model.normalisation.dimension();
    States centres = read_states(o_.from, d);
    model.normalisation.normalise(centres.values);
    const std::size_t count = centres.values.extent(0),
                      members = static_cast<std::size_t>(o_.members);
    const bool whole = std::filesystem::path(o_.out).extension() == ".npy";
    require_states(whole ? count * members : 0, std::max(o_.batch, members), d);
    StateLayout to = layout(context, members, count, model);
    const auto writer = open_state_writer(o_.out, to);
    Progress progress("sample", count * members, "states", context.quiet);
    const std::size_t block = std::max<std::size_t>(1, o_.batch / members);
    int evaluations = 0;
    for (std::size_t first = 0; first < count; first += block) {
      const std::size_t n = std::min(block, count - first);
      const Tensor<float> part(Shape{n, d}, centres.values.span().subspan(first * d, n * d));
      options_.first_row = first;
      track(progress, first * members, n * members);
      Samples<float> drawn =
          diffuse_and_denoise(denoising, part, o_.members, *o_.start_step, options_);
      model.normalisation.denormalise(drawn.states);
      writer->write(drawn.states, first);
      evaluations = drawn.network_evaluations;
    }
    progress.finish();
    writer->commit();
    return report(context, count * members, evaluations, progress);
  }

  SampleOptions o_;
  SamplerOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_sample() {
  return std::make_unique<Sample>();
}

}  // namespace papillon::apps
