// papillon train: trains a diffusion model.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "papillon/apps/autosave.hpp"
#include "papillon/apps/command.hpp"
#include "papillon/apps/interrupt.hpp"
#include "papillon/apps/memory.hpp"
#include "papillon/apps/numbers.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/resuming.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/apps/train_log.hpp"
#include "papillon/apps/train_options.hpp"
#include "papillon/lorenz/dynamics/climatology.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

namespace fs = std::filesystem;

class Train : public Command {
 public:
  const char* name() const override { return "train"; }
  const char* about() const override { return "Train a diffusion model on states."; }
  const char* example() const override {
    return "  papillon train --data data/train.nc --validation data/validation.nc --out run\n"
           "  papillon train --data data/train.nc --out run --preset quick   # 12 million states\n"
           "  papillon train --out run --resume                # after Ctrl-C; to the same bits\n"
           "  papillon train --out run --resume --samples 24M  # longer than was planned\n";
  }

  std::vector<Option> options() override {
    std::vector<Option> list;
    append_options(list, s_);
    return list;
  }

  Settings preset() const override {
    const auto of = [&](std::initializer_list<std::pair<const char*, const char*>> values) {
      Settings settings;
      for (const auto& [key, value] : values)
        settings[key] = {{value}, "preset " + s_.preset + ": " + key, false};
      return settings;
    };
    // The defaults of the options are the paper's, but for the number of states.
    if (s_.preset == "paper") return of({{"samples", "1600000000"}});
    // Few states: small batches, a learning rate that falls to nothing, timesteps spread evenly.
    if (s_.preset == "quick")
      return of({{"samples", "12000000"},
                 {"batch-size", "1024"},
                 {"strata", "64"},
                 {"learning-rate", "0.0015"},
                 {"final-learning-rate", "1e-6"},
                 {"warmup", "200"},
                 {"ema-decay", "0.998"}});
    return {};
  }

  std::string default_config() const override {
    const bool there = s_.resume && !s_.out.empty() && fs::exists(file("config.toml"));
    return there ? file("config.toml").string() : std::string();
  }

  Json run(const Context& context) override {
    require(s_.out, "--out DIR");
    if (s_.resume && s_.data.empty() && !fs::exists(file("config.toml")))
      throw InputError(
          fmt::format("{}: no such file, and --resume takes the settings of the run from it; give "
                      "--data and all "
                      "others again, or start anew without --resume",
                      file("config.toml").string()));
    require(s_.data, "--data FILE");
    if (s_.resume && context.given("preset"))
      throw UsageError("--preset: is for a new run; --resume goes on with the settings in --out");
    o_ = s_.training;
    o_.seed = context.seed;
    o_.final_learning_rate = s_.final_learning_rate.value_or(o_.learning_rate);
    check_options();
    const NoiseSchedule schedule = NoiseSchedule::parse(s_.schedule, s_.diffusion_steps);
    check(o_, schedule);
    require_writable_directory(s_.out, "--out");
    if (s_.resume && !fs::exists(file("checkpoint.safetensors")))
      throw InputError(fmt::format("{}: no such file; there is no run to resume",
                                   file("checkpoint.safetensors").string()));
    context.say_when_interrupted("nothing new was trained");
    const std::shared_ptr<const StateRows> data = read_data();
    if (!s_.validation.empty()) held_out_ = read_states(s_.validation, data->width()).values;
    if (data->rows() < 2)
      throw InputError(fmt::format("{}: one state is too few; at least 2 are needed", s_.data));
    Climatology climate(data->width());
    for_each_block(*data, [&](std::uint64_t, std::span<const float> rows) { climate.add(rows); });
    for (const double deviation : climate.standard_deviation())
      if (!(deviation > 0)) throw InputError(fmt::format("{}: a component does not vary", s_.data));

    require_memory(memory(data->width()), "a network and batches of this size",
                   "take a smaller --hidden, --blocks or --batch-size");
    Trainer trainer(o_, schedule, data, {climate.mean(), climate.standard_deviation()});
    const std::uint64_t planned = s_.resume ? load(context, trainer) : o_.total_samples;
    const OutputDirectory directory(context, s_.out);
    if (!s_.resume) {
      std::error_code ignored;
      fs::remove(file("checkpoint.safetensors"), ignored);
    }
    return loop(context, trainer, planned);
  }

 private:
  // An .npy file that needs more than half of the memory that is left, or all of it with --stream,
  // is read as training needs it; the bits are the same. A NetCDF file is always read at once: its
  // library takes turns among threads and unpacks whole chunks for single states.
  std::shared_ptr<const StateRows> read_data() {
    check_state_extension(s_.data);
    std::error_code unknown;
    const auto bytes = static_cast<double>(fs::file_size(s_.data, unknown));
    if (fs::path(s_.data).extension() == ".npy" && !unknown &&
        (s_.stream || bytes > available_memory() / 2)) {
      const auto rows = std::make_shared<NpyRows>(s_.data);
      if (rows->shape().size() != 2 && rows->shape().size() != 3)
        throw InputError(
            fmt::format("{}: has shape {}; states are [states, component] or [member, time, "
                        "component]",
                        s_.data, to_string(rows->shape())));
      if (rows->rows() == 0) throw InputError(fmt::format("{}: holds no states", s_.data));
      return rows;
    }
    if (s_.stream)
      throw UsageError(
          fmt::format("--stream with {}; only .npy files are read as they are needed", s_.data));
    states_ = read_states(s_.data).values;
    return std::make_shared<TensorRows>(states_);
  }

  void check_options() const {
    if (o_.strata > o_.batch_size)
      throw UsageError(
          fmt::format("--strata {} are more than --batch-size {}", o_.strata, o_.batch_size));
    if (o_.strata > static_cast<std::uint64_t>(s_.diffusion_steps))
      throw UsageError(fmt::format("--strata {} are more than --diffusion-steps {}", o_.strata,
                                   s_.diffusion_steps));
    if (o_.final_learning_rate > o_.learning_rate)
      throw UsageError(fmt::format("--final-learning-rate {} is more than --learning-rate {}",
                                   o_.final_learning_rate, o_.learning_rate));
    if (o_.embedding % 2 != 0)
      throw UsageError(fmt::format("--embedding {} is odd; it must be even", o_.embedding));
  }

  // Returns the samples that the run was planned for.
  std::uint64_t load(const Context& context, Trainer& trainer) const {
    const fs::path checkpoint = file("checkpoint.safetensors");
    try {
      return trainer.load_checkpoint(checkpoint);
    } catch (const SettingsMismatch& error) {
      if (error.differing.front().name == "data")
        throw InputError(fmt::format(
            "{}: --data {} holds other states than the run was begun with; give that file, or "
            "start anew without --resume",
            checkpoint.string(), s_.data));
      refuse_resume(error, context.settings);
    }
  }

  // Weights, averages, gradient, two moments and as much again while they are saved; gradients and
  // tables of timesteps for each lane; indices of a batch.
  double memory(std::size_t dimension) const {
    const auto size =
        static_cast<double>(fused::Layout(dimension, o_.hidden, o_.blocks, o_.embedding).size);
    const auto rows = static_cast<double>(o_.batch_size);
    const double lanes = std::min(16.0, std::ceil(rows / static_cast<double>(o_.tile_rows))),
                 slots = std::min(rows, static_cast<double>(s_.diffusion_steps));
    return 4 * (size * (9 + lanes / 2) +
                lanes * static_cast<double>(o_.blocks * o_.hidden) * slots + 2 * rows);
  }

  fs::path file(const char* name) const { return fs::path(s_.out) / name; }

  Json loop(const Context& context, Trainer& trainer, std::uint64_t planned) {
    TrainLog log(file("train.jsonl"), trainer.steps_done());
    best_ = log.best_validation_loss();
    if (planned != o_.total_samples) note_new_plan(context, trainer, planned, log);
    Progress progress("train", trainer.total_steps() * o_.batch_size, "states", context.quiet,
                      trainer.steps_done() * o_.batch_size);
    steps(context, trainer, log, progress);
    progress.finish();
    save(context, trainer, "model.safetensors");
    Json results = {{"model", file("model.safetensors").string()},
                    {"steps", trainer.total_steps()},
                    {"samples", trainer.total_steps() * o_.batch_size},
                    {"loss", json_number(final_loss_)},
                    {"samples_per_second", progress.rate()}};
    if (best_) {
      results["validation_loss"] = json_number(log.last_validation().loss);
      results["best_validation_loss"] = *best_;
    }
    if (context.tables()) fmt::print("{}\n", file("model.safetensors").string());
    return results;
  }

  void note_new_plan(const Context& context, const Trainer& trainer, std::uint64_t planned,
                     TrainLog& log) const {
    const double rate = trainer.learning_rate(trainer.steps_done());
    log.write({{"step", trainer.steps_done()},
               {"samples", trainer.steps_done() * o_.batch_size},
               {"planned_samples", o_.total_samples},
               {"planned_before", planned},
               {"learning_rate", rate}});
    if (!context.quiet)
      print_message("{} samples, {} before: learning rates are planned anew, and go on at {:.3g}\n",
                    format_count(o_.total_samples), format_count(planned), rate);
  }

  void steps(const Context& context, Trainer& trainer, TrainLog& log, Progress& progress) {
    Autosave checkpoint(s_.checkpoint_seconds,
                        [&] { trainer.save_checkpoint(file("checkpoint.safetensors")); });
    const std::string resume =
        fmt::format("continue with papillon train --out {} --resume", s_.out);
    context.say_when_interrupted(resume);
    const Patience patience;
    if (trainer.steps_done() == 0) checkpoint.save();  // what --resume goes on from, at the least
    double sum = 0;
    std::uint64_t summed = 0;
    for (;;) {
      const std::uint64_t done = trainer.steps_done(), total = trainer.total_steps();
      if (interrupted()) {
        checkpoint.save();
        throw Interrupted(
            fmt::format("interrupted after {} of {} steps; saved; {}", done, total, resume));
      }
      // Here and not after the step, so that a run that was saved before a validation and ended in
      // it makes up for it.
      if (!held_out_.empty() && done > log.last_validation().step &&
          (done % s_.validate_every == 0 || done == total)) {
        if (validation_seconds_ > 0.5) checkpoint.save();
        validate(context, trainer, log, progress);
      }
      if (done == total) return;
      const StepReport report = trainer.step();
      const bool last = report.step == total;
      sum += report.loss;
      ++summed;
      const double mean = sum / static_cast<double>(summed);
      progress.update(report.samples, fmt::format("loss {:.5f}{}", mean, validation_text_));
      if (report.step % s_.log_every == 0 || last) {
        Json line = {{"step", report.step},
                     {"samples", report.samples},
                     {"loss", mean},
                     {"learning_rate", report.learning_rate},
                     {"samples_per_second", progress.rate()}};
        if (o_.clip_norm > 0) line["gradient_norm"] = report.gradient_norm;
        log.write(line);
        final_loss_ = mean;
        sum = 0;
        summed = 0;
      }
      last ? checkpoint.save() : checkpoint.step();
    }
  }

  void validate(const Context& context, Trainer& trainer, TrainLog& log, Progress& progress) {
    const auto start = Clock::now();
    const double loss = trainer.validation_loss(held_out_);
    validation_seconds_ = seconds_since(start);
    validation_text_ = fmt::format("  validation {:.5f}", loss);
    const bool best = !best_ || loss < *best_;
    if (best) {
      best_ = loss;
      save(context, trainer, "best.safetensors");
    }
    // Last: a validation is done when it is logged.
    log.write({{"step", trainer.steps_done()},
               {"samples", trainer.steps_done() * o_.batch_size},
               {"validation_loss", loss}});
    progress.note(fmt::format("step {:>7}  validation loss {:.5f}{}", trainer.steps_done(), loss,
                              best ? "  best" : ""));
  }

  void save(const Context& context, const Trainer& trainer, const char* name) const {
    DiffusionModel model = trainer.model();
    for (const auto& [key, value] : context.settings.items()) {
      if (key == "out" || key == "threads" || key == "stream")
        continue;  // the same model wherever it was trained
      model.training[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    model.training["step"] = std::to_string(trainer.steps_done());
    save_model(file(name), model);
  }

  TrainCommandOptions s_;
  TrainOptions o_;
  Tensor<float> states_, held_out_;
  std::optional<double> best_;
  double final_loss_ = std::nan("");  // NaN: there was no step left to take
  double validation_seconds_ = std::numeric_limits<double>::infinity();  // of the last one
  std::string validation_text_;
};

}  // namespace

std::unique_ptr<Command> make_train() {
  return std::make_unique<Train>();
}

}  // namespace papillon::apps
