// The options of `papillon train`.
#pragma once

#include <optional>
#include <string>

#include "papillon/diffusion/trainer.hpp"
#include "papillon/tensor/options.hpp"

namespace papillon::apps {

struct TrainCommandOptions {
  std::string data, validation, out, preset, schedule = "cosine";
  bool resume = false, stream = false;
  int diffusion_steps = 1000;
  std::optional<double> final_learning_rate;
  double checkpoint_seconds = 60;
  std::uint64_t log_every = 50, validate_every = 500;
  TrainOptions training;

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    constexpr std::uint64_t most = 1'000'000'000'000'000;
    TrainOptions& t = self.training;
    visit("data", self.data, {"training states, .nc or .npy (needed)", {}, Role::input});
    visit("validation", self.validation, {"validation states", {}, Role::input});
    visit("stream", self.stream,
          {"read --data (.npy) as it is needed; so is any that would take half of the memory left",
           {},
           Role::display});
    visit("out", self.out,
          {"directory for model, best and checkpoint.safetensors, train.jsonl (needed)",
           {},
           Role::output});
    visit("resume", self.resume,
          {"continue the run in --out, with its settings; with another --samples, learning rates "
           "are planned anew over all of them",
           {},
           Role::transient});
    visit("preset", self.preset,
          {"settings to start from: the paper's, or good soon", {}, {}, {"", "paper", "quick"}});
    visit("samples", t.total_samples, {"training states in all", closed(1, most)});
    visit("batch-size", t.batch_size, {"states a step", closed(1, 1 << 24)});
    visit("strata", t.strata,
          {"stratified timesteps a batch, at most --batch-size and --diffusion-steps; 0: each "
           "state draws its own",
           closed(0, 100'000)});
    visit("learning-rate", t.learning_rate, {"of Adam", above(0, 1)});
    visit("final-learning-rate", self.final_learning_rate,
          {"reached along a cosine, at most --learning-rate (default: constant)", closed(0, 1)});
    visit("warmup", t.warmup_steps, {"steps of growing learning rate", closed(0, most)});
    visit("ema-decay", t.ema_decay, {"of the averaged weights", below(0, 1)});
    visit("weight-decay", t.weight_decay, {"decoupled, as AdamW", closed(0, 1e3)});
    visit("clip-norm", t.clip_norm, {"of the gradient; 0: off", closed(0, 1e9)});
    visit("min-snr-gamma", t.min_snr_gamma, {"of loss weights; 0: off", closed(0, 1e9)});
    visit("head", t.head, {"what the network predicts"});
    visit("schedule", self.schedule, {"of the noise", {}, {}, {"cosine", "linear"}});
    visit("diffusion-steps", self.diffusion_steps, {"T", closed(2, 100'000)});
    visit("hidden", t.hidden, {"width of the network", closed(1, 16'384)});
    visit("blocks", t.blocks, {"residual blocks", closed(1, 1024)});
    visit("embedding", t.embedding, {"size of the time embedding, even", closed(4, 65'536)});
    visit("log-every", self.log_every, {"steps between lines of train.jsonl", closed(1, most)});
    const Use held_out{"--validation FILE", [&self] { return !self.validation.empty(); }};
    visit("validate-every", self.validate_every,
          {"steps between validations", closed(1, most), Role::display}, held_out);
    visit("checkpoint-every", self.checkpoint_seconds,
          {"seconds between checkpoints", closed(0, 1e9), Role::display});
  }
};

}  // namespace papillon::apps
