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
#include "papillon/apps/options.hpp"
#include "papillon/apps/outputs.hpp"
#include "papillon/apps/progress.hpp"
#include "papillon/apps/resuming.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/apps/train_log.hpp"
#include "papillon/diffusion/trainer.hpp"
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

  void add_options(CLI::App& app) override {
    constexpr std::uint64_t most = 1'000'000'000'000'000;
    OptionGroup g(app);
    g.text("--data", data_, "training states, .nc or .npy (needed)");
    g.text("--validation", validation_, "validation states");
    g.flag("--stream", stream_,
           "read --data (.npy) as it is needed; so is any that would take half of the memory left");
    g.text("--out", out_,
           "directory for model, best and checkpoint.safetensors, train.jsonl (needed)");
    g.flag("--resume", resume_,
           "continue the run in --out, with its settings; with another --samples, learning rates "
           "are planned anew over all of them");
    g.choice("--preset", preset_, {"", "paper", "quick"},
             "settings to start from: the paper's, or good soon");
    g.whole("--samples", o_.total_samples, {1, most}, "training states in all");
    g.whole("--batch-size", o_.batch_size, {1, 1 << 24}, "states a step");
    g.whole("--strata", o_.strata, {0, 100'000},
            "stratified timesteps a batch, at most --batch-size and --diffusion-steps; 0: each "
            "state draws its own");
    g.number("--learning-rate", o_.learning_rate, above(0, 1), "of Adam");
    g.number("--final-learning-rate", final_rate_, closed(-1, 1),
             "reached along a cosine, at most --learning-rate; negative: constant");
    g.whole("--warmup", o_.warmup_steps, {0, most}, "steps of growing learning rate");
    g.number("--ema-decay", o_.ema_decay, below(0, 1), "of the averaged weights");
    g.number("--weight-decay", o_.weight_decay, closed(0, 1e3), "decoupled, as AdamW");
    g.number("--clip-norm", o_.clip_norm, closed(0, 1e9), "of the gradient; 0: off");
    g.number("--min-snr-gamma", o_.min_snr_gamma, closed(0, 1e9), "of loss weights; 0: off");
    g.choice("--head", head_, {"noise", "state", "velocity", "score"}, "what the network predicts");
    g.choice("--schedule", schedule_, {"cosine", "linear"}, "of the noise");
    g.whole("--diffusion-steps", diffusion_steps_, {2, 100'000}, "T");
    g.whole("--hidden", o_.hidden, {1, 16'384}, "width of the network");
    g.whole("--blocks", o_.blocks, {1, 1024}, "residual blocks");
    g.whole("--embedding", o_.embedding, {4, 65'536}, "size of the time embedding, even");
    g.whole("--log-every", log_every_, {1, most}, "steps between lines of train.jsonl");
    g.whole("--validate-every", validate_every_, {1, most}, "steps between validations");
    g.number("--checkpoint-every", checkpoint_seconds_, closed(0, 1e9),
             "seconds between checkpoints");
  }

  Settings preset() const override {
    const auto of = [&](std::initializer_list<std::pair<const char*, const char*>> values) {
      Settings settings;
      for (const auto& [key, value] : values)
        settings[key] = {{value}, "preset " + preset_ + ": " + key, false};
      return settings;
    };
    // The defaults of the options are the paper's, but for the number of states.
    if (preset_ == "paper") return of({{"samples", "1600000000"}});
    // Few states: small batches, a learning rate that falls to nothing, timesteps spread evenly.
    if (preset_ == "quick")
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
    if (!resume_ || out_.empty()) return {};
    const fs::path path = fs::path(out_) / "config.toml";
    return fs::exists(path) ? path.string() : std::string();
  }

  Json run(const Context& context) override {
    require(out_, "--out DIR");
    require(data_, "--data FILE");
    o_.seed = context.seed;
    o_.head = parse_head(head_);
    o_.final_learning_rate = final_rate_ < 0 ? o_.learning_rate : final_rate_;
    check_options();
    const NoiseSchedule schedule = NoiseSchedule::parse(schedule_, diffusion_steps_);
    check(o_, schedule);
    require_writable_directory(out_, "--out");
    if (resume_ && !fs::exists(file("checkpoint.safetensors")))
      throw InputError(fmt::format("{}: no such file; there is no run to resume",
                                   file("checkpoint.safetensors").string()));
    context.say_when_interrupted("nothing new was trained");
    const std::shared_ptr<const StateRows> data = read_data();
    if (!validation_.empty()) held_out_ = read_states(validation_, data->width()).values;
    if (data->rows() < 2)
      throw InputError(fmt::format("{}: one state is too few; at least 2 are needed", data_));
    Climatology climate(data->width());
    for_each_block(*data, [&](std::uint64_t, std::span<const float> rows) { climate.add(rows); });
    for (const double deviation : climate.standard_deviation())
      if (!(deviation > 0)) throw InputError(fmt::format("{}: a component does not vary", data_));

    require_memory(memory(data->width()), "a network and batches of this size",
                   "take a smaller --hidden, --blocks or --batch-size");
    Trainer trainer(o_, schedule, data, {climate.mean(), climate.standard_deviation()});
    const std::uint64_t planned = resume_ ? load(context, trainer) : o_.total_samples;
    const OutputDirectory directory(context, out_);
    if (!resume_) {
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
    check_state_extension(data_);
    std::error_code unknown;
    const auto bytes = static_cast<double>(fs::file_size(data_, unknown));
    if (fs::path(data_).extension() == ".npy" && !unknown &&
        (stream_ || bytes > available_memory() / 2)) {
      const auto rows = std::make_shared<NpyRows>(data_);
      if (rows->shape().size() != 2 && rows->shape().size() != 3)
        throw InputError(
            fmt::format("{}: has shape {}; states are [states, component] or [member, time, "
                        "component]",
                        data_, to_string(rows->shape())));
      if (rows->rows() == 0) throw InputError(fmt::format("{}: holds no states", data_));
      return rows;
    }
    if (stream_)
      throw UsageError(
          fmt::format("--stream with {}; only .npy files are read as they are needed", data_));
    states_ = read_states(data_).values;
    return std::make_shared<TensorRows>(states_);
  }

  void check_options() const {
    if (o_.strata > o_.batch_size)
      throw UsageError(
          fmt::format("--strata {} are more than --batch-size {}", o_.strata, o_.batch_size));
    if (o_.strata > static_cast<std::uint64_t>(diffusion_steps_))
      throw UsageError(fmt::format("--strata {} are more than --diffusion-steps {}", o_.strata,
                                   diffusion_steps_));
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
            checkpoint.string(), data_));
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
                 slots = std::min(rows, static_cast<double>(diffusion_steps_));
    return 4 * (size * (9 + lanes / 2) +
                lanes * static_cast<double>(o_.blocks * o_.hidden) * slots + 2 * rows);
  }

  fs::path file(const char* name) const { return fs::path(out_) / name; }

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
    Autosave checkpoint(checkpoint_seconds_,
                        [&] { trainer.save_checkpoint(file("checkpoint.safetensors")); });
    const std::string resume = fmt::format("continue with papillon train --out {} --resume", out_);
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
          (done % validate_every_ == 0 || done == total)) {
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
      if (report.step % log_every_ == 0 || last) {
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

  std::string data_, validation_, out_, preset_, head_ = "velocity", schedule_ = "cosine";
  bool resume_ = false, stream_ = false;
  int diffusion_steps_ = 1000;
  double final_rate_ = -1, checkpoint_seconds_ = 60;
  std::uint64_t log_every_ = 50, validate_every_ = 500;
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
