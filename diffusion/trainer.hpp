// Trains a network by denoising score matching: batches over threads, EMA, checkpoints that resume
// to the same bits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "papillon/diffusion/head.hpp"
#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/schedule.hpp"
#include "papillon/nn/run_settings.hpp"
#include "papillon/nn/state_rows.hpp"
#include "papillon/nn/training_loop.hpp"

namespace papillon {

struct TrainOptions {
  std::uint64_t seed = 0;
  std::size_t hidden = 256, blocks = 3, embedding = 512;
  Head head = Head::velocity;
  std::uint64_t total_samples = 12'000'000;  // training states seen in all, rounded up to batches
  std::size_t batch_size = 16'384;
  // Stratified timesteps: each batch has this many, one drawn in each of as many equal parts of
  // 1..T, and shares its rows out among them. 0: every row draws its own.
  std::size_t strata = 0;
  double learning_rate = 3e-4;
  double final_learning_rate = 3e-4;  // reached along half a cosine after the warm-up
  std::uint64_t warmup_steps = 0;
  double weight_decay = 0;   // decoupled (AdamW)
  double clip_norm = 0;      // of the whole gradient; 0: off
  double min_snr_gamma = 0;  // loss weights of Hang et al. (2023); 0: off
  double ema_decay = 0.999;  // with warm-up: min(decay, (1 + step) / (10 + step))
  std::size_t tile_rows = 256;
};

// Throws ArgumentError that names the option and its range.
void check(const TrainOptions& options, const NoiseSchedule& schedule);

class Trainer {
 public:
  // states: [n, D] in physical units, which must outlive the trainer. network: as it is at the
  // start; none: the paper's, of the options' sizes, with weights of the options' seed. Throws
  // ArgumentError, InputError (NaN in the data).
  Trainer(const TrainOptions& options, NoiseSchedule schedule, const Tensor<float>& states,
          Normalisation normalisation, std::optional<Network> network = {})
      : Trainer(options, std::move(schedule), std::make_shared<TensorRows>(states),
                std::move(normalisation), std::move(network)) {}
  Trainer(const TrainOptions&, NoiseSchedule, const Tensor<float>&&, Normalisation,
          std::optional<Network> = {}) = delete;
  // The same from any source of rows, to the same bits.
  Trainer(const TrainOptions& options, NoiseSchedule schedule,
          std::shared_ptr<const StateRows> states, Normalisation normalisation,
          std::optional<Network> network = {});

  std::uint64_t total_steps() const { return total_steps_; }
  std::uint64_t steps_done() const { return loop_.steps_done(); }
  const TrainOptions& options() const { return options_; }

  // One update. In steady state it takes no memory. Throws NumericalError if the loss is not
  // finite.
  StepReport step();
  // Of the update after so many steps.
  double learning_rate(std::uint64_t step) const;

  // The loss of the averaged weights on (at most max_rows of) these states, with the same noise and
  // evenly spread timesteps at every call.
  double validation_loss(const Tensor<float>& states, std::size_t max_rows = 65'536);

  // Everything that step() depends on. Loading throws InputError if the checkpoint is malformed or
  // has more steps than this run, and SettingsMismatch if it belongs to other options or data. Only
  // total_samples may be another: the learning rates of all further steps are those of this run's
  // total, as if it had been planned so from the start. Returns the total_samples of the run that
  // saved it.
  void save_checkpoint(const std::filesystem::path& path) const;
  std::uint64_t load_checkpoint(const std::filesystem::path& path);

  // The averaged weights (or those of the last step) as a model.
  DiffusionModel model(bool averaged = true) const;

 private:
  void draw_timesteps(std::uint64_t step);
  void fill_tile(std::uint64_t step, std::size_t first, std::size_t n, float* z, float* target);
  void noise_rows(std::size_t n, const std::uint32_t* slot, float* z, float* target) const;
  void set_slot_tables(std::span<const int> timesteps);
  std::uint64_t steps_for(std::uint64_t samples) const;
  RunSettings settings() const;

  TrainOptions options_;
  NoiseSchedule schedule_;
  std::shared_ptr<const StateRows> states_;
  Normalisation normalisation_;
  std::uint64_t total_steps_ = 0, data_hash_ = 0;
  Network network_;
  std::unique_ptr<DenoisingEngine<float>> engine_;
  TrainingLoop loop_;
  // The current batch.
  Timesteps timesteps_;               // one for each slot
  std::vector<std::uint32_t> slots_;  // one for each row, not decreasing
  std::vector<float> alpha_, sigma_, noise_part_, state_part_, weights_;  // one for each slot
  std::vector<float> uniforms_;
  std::vector<std::uint32_t> counts_;
};

}  // namespace papillon
