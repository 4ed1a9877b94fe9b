#include "papillon/diffusion/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/diffusion/loss.hpp"
#include "papillon/nn/learning_rate.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {
void check(const TrainOptions& o, const NoiseSchedule& schedule) {
  const auto fail = [](const std::string& what) { throw ArgumentError("training: " + what); };
  check_head(o.head, schedule);
  const auto steps = static_cast<std::size_t>(schedule.steps());
  if (o.batch_size == 0 || o.batch_size > (1u << 24))
    fail(fmt::format("a batch of {} rows (1 to {})", o.batch_size, 1u << 24));
  if (o.total_samples == 0) fail("total_samples is 0 (at least 1)");
  if (o.strata > o.batch_size || o.strata > steps)
    fail(fmt::format("{} strata (at most the batch of {} and the schedule's {} steps)", o.strata,
                     o.batch_size, steps));
  if (!(o.learning_rate > 0) || !(o.final_learning_rate >= 0) ||
      o.final_learning_rate > o.learning_rate || !std::isfinite(o.learning_rate))
    fail(fmt::format("learning rate {} to {} (positive, not growing)", o.learning_rate,
                     o.final_learning_rate));
  if (!(o.ema_decay >= 0 && o.ema_decay < 1))
    fail(fmt::format("EMA decay {} (0 <= decay < 1)", o.ema_decay));
  if (!(o.weight_decay >= 0) || !(o.clip_norm >= 0) || !(o.min_snr_gamma >= 0))
    fail("weight decay, clip norm and min-SNR gamma must not be negative");
  if (o.hidden == 0 || o.hidden > 16384 || o.blocks == 0 || o.blocks > 1024 || o.embedding < 4 ||
      o.embedding % 2 != 0 || o.embedding > 65536)
    fail(fmt::format("a network of {} blocks of {} with an embedding of {} (even)", o.blocks,
                     o.hidden, o.embedding));
}

Trainer::Trainer(const TrainOptions& options, NoiseSchedule schedule,
                 std::shared_ptr<const StateRows> states, Normalisation normalisation,
                 std::optional<Network> network)
    : options_((check(options, schedule), options)),
      schedule_(std::move(schedule)),
      states_(std::move(states)),
      normalisation_(std::move(normalisation)),
      total_steps_(steps_for(options.total_samples)),
      data_hash_(check_rows(*states_, normalisation_, "training data")),
      network_(network ? std::move(*network)
                       : Network(ResidualFilmMlp<float>({normalisation_.dimension(), options.hidden,
                                                         options.blocks, options.embedding},
                                                        options.seed))),
      engine_(network_.engine(options.tile_rows)),
      loop_(flatten(network_.state_dict(), engine_->parameters()),
            {AdamOptions{.weight_decay = options.weight_decay}, options.clip_norm,
             options.ema_decay}) {
  if (network_.state_dim() != normalisation_.dimension())
    throw ArgumentError(fmt::format("training: a network of {} components for states of {}",
                                    network_.state_dim(), normalisation_.dimension()));
  slots_.resize(options_.batch_size);
  uniforms_.resize(options_.strata > 0 ? options_.strata : options_.batch_size);
  counts_.resize(static_cast<std::size_t>(schedule_.steps()) + 1);
}

// Whole batches; no sum that could overflow.
std::uint64_t Trainer::steps_for(std::uint64_t samples) const {
  return samples / options_.batch_size + (samples % options_.batch_size != 0 ? 1 : 0);
}

double Trainer::learning_rate(std::uint64_t step) const {
  return WarmupCosine{options_.learning_rate, options_.final_learning_rate, options_.warmup_steps,
                      total_steps_}(step);
}

// The rows of a batch are in random order, and timesteps are drawn independently of them: giving
// the sorted timesteps to the rows in that order changes nothing in distribution, and keeps rows of
// one timestep together.
void Trainer::draw_timesteps(std::uint64_t step) {
  const auto steps = static_cast<std::size_t>(schedule_.steps());
  const std::size_t rows = options_.batch_size, strata = options_.strata;
  fill_uniform<float>(random_stream(options_.seed, Purpose::training_timesteps),
                      step * uniforms_.size(), uniforms_);
  timesteps_.clear();
  if (strata > 0) {
    for (std::size_t j = 0; j < strata; ++j) {
      const double u = (static_cast<double>(j) + static_cast<double>(uniforms_[j])) /
                       static_cast<double>(strata);
      timesteps_.push_back(1 + std::min(static_cast<int>(u * static_cast<double>(steps)),
                                        static_cast<int>(steps) - 1));
    }
    for (std::size_t i = 0; i < rows; ++i)
      slots_[i] = static_cast<std::uint32_t>(i * strata / rows);
  } else {
    std::fill(counts_.begin(), counts_.end(), 0u);
    for (const float u : uniforms_)
      ++counts_[1 + static_cast<std::size_t>(static_cast<double>(u) * static_cast<double>(steps))];
    std::size_t row = 0;
    for (std::size_t t = 1; t <= steps; ++t) {
      if (counts_[t] == 0) continue;
      const auto slot = static_cast<std::uint32_t>(timesteps_.size());
      timesteps_.push_back(static_cast<int>(t));
      std::fill_n(slots_.begin() + static_cast<std::ptrdiff_t>(row), counts_[t], slot);
      row += counts_[t];
    }
  }
  set_slot_tables(timesteps_);
}

void Trainer::set_slot_tables(std::span<const int> timesteps) {
  const std::size_t slots = timesteps.size();
  for (auto* table : {&alpha_, &sigma_, &noise_part_, &state_part_}) table->resize(slots);
  weights_.resize(options_.min_snr_gamma > 0 ? slots : 0);
  for (std::size_t s = 0; s < slots; ++s) {
    const double alpha = schedule_.alpha(timesteps[s]), sigma = schedule_.sigma(timesteps[s]);
    const TargetCoefficients c = target_coefficients(options_.head, alpha, sigma);
    alpha_[s] = static_cast<float>(alpha);
    sigma_[s] = static_cast<float>(sigma);
    noise_part_[s] = static_cast<float>(c.eps);
    state_part_[s] = static_cast<float>(c.x);
    if (options_.min_snr_gamma > 0)
      weights_[s] =
          static_cast<float>(min_snr_weight(options_.head, alpha, sigma, options_.min_snr_gamma));
  }
}

// On entry z holds normalised states and target holds noise; on return, the noised states and what
// the head should predict.
void Trainer::noise_rows(std::size_t n, const std::uint32_t* slot, float* z, float* target) const {
  const std::size_t d = normalisation_.dimension();
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t s = slot[i];
    for (std::size_t j = 0; j < d; ++j) {
      const float x = z[i * d + j], e = target[i * d + j];
      z[i * d + j] = alpha_[s] * x + sigma_[s] * e;
      target[i * d + j] = noise_part_[s] * e + state_part_[s] * x;
    }
  }
}

void Trainer::fill_tile(std::uint64_t step, std::size_t first, std::size_t n, float* z,
                        float* target) {
  const std::size_t d = normalisation_.dimension();
  const std::uint64_t begin = step * options_.batch_size + first;
  EpochOrder order(states_->rows(), options_.seed, Purpose::training_order);
  for (std::size_t i = 0; i < n; ++i) {
    states_->read(order(begin + i), 1, z + i * d);
    normalisation_.normalise(z + i * d, z + i * d);
  }
  fill_normal<float>(random_stream(options_.seed, Purpose::training_noise), begin * d,
                     {target, n * d});
  noise_rows(n, &slots_[first], z, target);
}

StepReport Trainer::step() {
  const auto loss = [this](std::uint64_t step, std::span<const float> parameters,
                           std::span<float> gradient) {
    engine_->set_parameters(parameters, EnginePurpose::training);
    draw_timesteps(step);
    engine_->set_timesteps(timesteps_);
    const TileSource<float> source = [this, step](std::size_t first, std::size_t n, float* z,
                                                  float* target) {
      fill_tile(step, first, n, z, target);
    };
    return engine_->loss_and_gradient(slots_, source, weights_, gradient);
  };
  StepReport report = loop_.step(loss, learning_rate(steps_done()));
  report.samples = steps_done() * options_.batch_size;
  return report;
}

double Trainer::validation_loss(const Tensor<float>& states, std::size_t max_rows) {
  check_rows(TensorRows(states), normalisation_, "validation data");
  const std::size_t d = normalisation_.dimension(), count = states.size() / d;
  const std::size_t rows = std::min(count, max_rows);
  const auto steps = static_cast<std::size_t>(schedule_.steps());
  const std::size_t slots = std::min({rows, steps, std::size_t{256}});
  Timesteps timesteps(slots);
  for (std::size_t s = 0; s < slots; ++s)
    timesteps[s] = static_cast<int>(1 + (2 * s + 1) * steps / (2 * slots));
  std::vector<std::uint32_t> slot(rows);
  for (std::size_t i = 0; i < rows; ++i) slot[i] = static_cast<std::uint32_t>(i * slots / rows);
  engine_->set_parameters(loop_.average().span());
  engine_->set_timesteps(timesteps);
  set_slot_tables(timesteps);
  const IndexPermutation order(count, random_stream(options_.seed, Purpose::validation_order));
  const RandomStream noise = random_stream(options_.seed, Purpose::validation_noise);
  const TileSource<float> source = [&](std::size_t first, std::size_t n, float* z, float* target) {
    for (std::size_t i = 0; i < n; ++i)
      normalisation_.normalise(states.data() + order(first + i) * d, z + i * d);
    fill_normal<float>(noise, first * d, {target, n * d});
    noise_rows(n, &slot[first], z, target);
  };
  return engine_->loss(slot, source, weights_);
}

DiffusionModel Trainer::model(bool averaged) const {
  StateDict<float> weights = network_.state_dict();
  unflatten((averaged ? loop_.average() : loop_.parameters()).span(), engine_->parameters(),
            weights);
  return {network_.with(weights), schedule_, options_.head, normalisation_, {}};
}

}  // namespace papillon
