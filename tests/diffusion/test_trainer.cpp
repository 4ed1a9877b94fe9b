// The trainer: its loss is the paper's, its steps are reproducible, and a resumed run is the run.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "catch.hpp"
#include "corruptions.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/diffusion/loss.hpp"
#include "papillon/diffusion/trainer.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "temporary_folder.hpp"

using namespace papillon;

namespace {

const std::vector<double> shift = {1, 2}, scale = {2, 0.5};
const Normalisation units{shift, scale};

TrainOptions small_options() {
  TrainOptions o;
  o.hidden = 24;
  o.blocks = 2;
  o.embedding = 8;
  o.batch_size = 96;
  o.total_samples = 96 * 40;
  o.learning_rate = 3e-3;
  o.final_learning_rate = 1e-4;
  o.warmup_steps = 5;
  o.tile_rows = 16;
  o.seed = 7;
  return o;
}

// Points of a circle: a set with structure.
Tensor<float> circle(std::size_t n) {
  Tensor<float> states({n, 2});
  for (std::size_t i = 0; i < n; ++i) {
    const double angle = 0.1 * static_cast<double>(i);
    states(i, 0) = static_cast<float>(shift[0] + scale[0] * std::cos(angle));
    states(i, 1) = static_cast<float>(shift[1] + scale[1] * std::sin(angle));
  }
  return states;
}

Tensor<float> weights_after(const TrainOptions& o, const Tensor<float>& data, int steps) {
  Trainer trainer(o, NoiseSchedule::cosine(100), data, units);
  for (int i = 0; i < steps; ++i) trainer.step();
  return trainer.model(false).network.state_dict().at(1).second;
}

}  // namespace

TEST_CASE("trainer: learns", "[trainer]") {
  const Tensor<float> data = circle(500), other = circle(300);
  TrainOptions o = small_options();
  o.total_samples = 96 * 600;
  Trainer trainer(o, NoiseSchedule::cosine(100), data, units);
  const double before = trainer.validation_loss(other);
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  const double after = trainer.validation_loss(other);
  // The components of a unit circle have variance 1/2: predicting zero leaves a velocity loss of
  // mean(alpha^2 + sigma^2 / 2), about 3/4, and so does, roughly, an untrained network. Knowing the
  // circle is worth a good part of it.
  CHECK(before > 0.7);
  CHECK(after < 0.65);
}

TEST_CASE("trainer: the same bits for any number of threads", "[trainer]") {
  const Tensor<float> data = circle(500);
  for (const std::size_t strata : {0, 7}) {
    TrainOptions o = small_options();
    o.strata = strata;
    o.clip_norm = 0.1;
    set_thread_count(1);
    const auto one = weights_after(o, data, 6);
    for (const std::size_t threads : {2, 5}) {
      set_thread_count(threads);
      CHECK(identical(weights_after(o, data, 6), one));
    }
  }
  set_thread_count(0);
}

TEST_CASE("trainer: a resumed run equals an uninterrupted one", "[trainer]") {
  const TemporaryFolder folder;
  const Tensor<float> data = circle(130);  // batches straddle epochs
  const TrainOptions o = small_options();
  Trainer whole(o, NoiseSchedule::cosine(100), data, units);
  for (int i = 0; i < 9; ++i) whole.step();
  whole.save_checkpoint(folder.path() / "checkpoint.safetensors");
  whole.validation_loss(data);  // looking must not change the run

  Trainer resumed(o, NoiseSchedule::cosine(100), data, units);
  resumed.load_checkpoint(folder.path() / "checkpoint.safetensors");
  CHECK(resumed.steps_done() == 9);
  for (int i = 0; i < 9; ++i) CHECK(resumed.step().loss == whole.step().loss);
  const auto a = whole.model().network.state_dict();
  const auto b = resumed.model().network.state_dict();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(identical(a[i].second, b[i].second));
}

TEST_CASE("trainer: one that was moved goes on to the same bits", "[trainer]") {
  const Tensor<float> data = circle(130);
  Trainer stays(small_options(), NoiseSchedule::cosine(100), data, units);
  auto moves = std::make_unique<Trainer>(small_options(), NoiseSchedule::cosine(100), data, units);
  for (int i = 0; i < 3; ++i) CHECK(moves->step().loss == stays.step().loss);
  Trainer moved(std::move(*moves));
  moves.reset();  // nothing may point there
  for (int i = 0; i < 3; ++i) CHECK(moved.step().loss == stays.step().loss);
  Trainer assigned(small_options(), NoiseSchedule::cosine(100), data, units);
  assigned = std::move(moved);
  for (int i = 0; i < 3; ++i) CHECK(assigned.step().loss == stays.step().loss);
  CHECK(assigned.validation_loss(data) == stays.validation_loss(data));
}

// What keeps a pointer to data of its caller does not take temporaries.
static_assert(!std::is_constructible_v<Trainer, const TrainOptions&, NoiseSchedule, Tensor<float>,
                                       Normalisation>);

TEST_CASE("trainer: a checkpoint of another run is refused", "[trainer]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint.safetensors";
  const Tensor<float> data = circle(130);
  TrainOptions o = small_options();
  Trainer(o, NoiseSchedule::cosine(100), data, units).save_checkpoint(path);
  o.seed += 1;
  CHECK_THROWS_AS(Trainer(o, NoiseSchedule::cosine(100), data, units).load_checkpoint(path),
                  InputError);
  o.seed -= 1;
  Tensor<float> changed = data;
  changed[7] += 1e-3f;
  CHECK_THROWS_AS(Trainer(o, NoiseSchedule::cosine(100), changed, units).load_checkpoint(path),
                  InputError);
  save_model(path, Trainer(o, NoiseSchedule::cosine(100), data, units).model());
  CHECK_THROWS_AS(Trainer(o, NoiseSchedule::cosine(100), data, units).load_checkpoint(path),
                  InputError);
  CHECK_THROWS_AS(Trainer(o, NoiseSchedule::cosine(100), data, units)
                      .load_checkpoint(folder.path() / "nothing"),
                  InputError);
}

TEST_CASE("trainer: what differs from a checkpoint is named with both values", "[trainer]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint.safetensors";
  const Tensor<float> data = circle(130);
  const TrainOptions o = small_options();
  Trainer(o, NoiseSchedule::cosine(100), data, units).save_checkpoint(path);
  const auto difference = [&](const TrainOptions& other, int steps, const Tensor<float>& states) {
    try {
      Trainer(other, NoiseSchedule::cosine(steps), states, units).load_checkpoint(path);
    } catch (const SettingsMismatch& error) {
      REQUIRE(error.differing.size() == 1);
      return error.differing.front();
    }
    FAIL("the checkpoint was taken");
    return SettingDifference{};
  };
  TrainOptions other = o;
  other.learning_rate = 1e-3;
  SettingDifference found = difference(other, 100, data);
  CHECK(found.name == "learning_rate");
  CHECK(found.stored == "0.003");
  CHECK(found.given == "0.001");
  // The smallest change of a number shows.
  other = o;
  other.ema_decay = std::nextafter(o.ema_decay, 1.0);
  found = difference(other, 100, data);
  CHECK(found.name == "ema_decay");
  CHECK(found.stored != found.given);
  CHECK(difference(o, 99, data).name == "diffusion_steps");
  Tensor<float> changed = data;
  changed[7] += 1e-3f;
  CHECK(difference(o, 100, changed).name == "data");
}

TEST_CASE("trainer: more samples than the checkpoint's plan the learning rates anew", "[trainer]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint.safetensors";
  const Tensor<float> data = circle(130);
  TrainOptions o = small_options();
  const std::uint64_t planned = o.total_samples;
  Trainer first(o, NoiseSchedule::cosine(100), data, units);
  for (int i = 0; i < 20; ++i) first.step();
  first.save_checkpoint(path);
  o.total_samples *= 2;
  Trainer longer(o, NoiseSchedule::cosine(100), data, units);
  CHECK(longer.load_checkpoint(path) == planned);
  CHECK(longer.steps_done() == 20);
  CHECK(longer.total_steps() == 80);
  // The rates of a run that had this total from the start.
  const Trainer fresh(o, NoiseSchedule::cosine(100), data, units);
  for (std::uint64_t step = 20; step < 30; ++step)
    CHECK(longer.step().learning_rate == fresh.learning_rate(step));
  CHECK(longer.learning_rate(20) > first.learning_rate(20));
  // Its own checkpoint belongs to the longer run; it resumes to the same bits.
  longer.save_checkpoint(path);
  Trainer again(o, NoiseSchedule::cosine(100), data, units);
  CHECK(again.load_checkpoint(path) == o.total_samples);
  for (int i = 0; i < 5; ++i) CHECK(again.step().loss == longer.step().loss);
  // Thirty steps are done: fewer cannot be asked for, and as many are all there is.
  o.total_samples = 96 * 30;
  Trainer done(o, NoiseSchedule::cosine(100), data, units);
  done.load_checkpoint(path);
  CHECK(done.steps_done() == done.total_steps());
  o.total_samples = 96 * 29;
  CHECK_THROWS_AS(Trainer(o, NoiseSchedule::cosine(100), data, units).load_checkpoint(path),
                  InputError);
}

TEST_CASE("trainer: every entry of a checkpoint is looked at before it is believed", "[trainer]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint.safetensors";
  const Tensor<float> data = circle(130);
  Trainer trainer(small_options(), NoiseSchedule::cosine(100), data, units);
  trainer.step();
  trainer.save_checkpoint(path);
  std::vector<std::string> steps = testing::no_integers;
  steps.push_back(std::to_string(trainer.total_steps() + 1));
  testing::check_corruptions(
      path, [&] { trainer.load_checkpoint(path); },
      {{"step", steps}, {"format", {"", "papillon-surrogate"}}, {"settings", {"", "seed"}}});
  SafetensorsFile file = read_safetensors(path);
  Tensor<float> squares = file.tensor<float>("second_moment");
  squares[5] = -0.5f;
  std::erase_if(file.entries, [](const auto& entry) { return entry.name == "second_moment"; });
  file.add("second_moment", squares);
  write_safetensors(path, file);
  CHECK_THROWS_WITH(trainer.load_checkpoint(path),
                    contains_text("checkpoint.safetensors: tensor 'second_moment' has -0.5 at 5"));
  CHECK(trainer.steps_done() == 1);
}

TEST_CASE("trainer: the first loss is the paper's, for each head", "[trainer]") {
  // With stratification as fine as the batch, each row has its own stratum; the expectation over
  // many rows of the trainer's loss must agree with the clear loss on independent draws.
  const Tensor<float> data = circle(4096);
  for (const Head head : {Head::noise, Head::state, Head::velocity}) {
    TrainOptions o = small_options();
    o.head = head;
    o.batch_size = 20'000;
    o.total_samples = 20'000;
    const NoiseSchedule schedule = NoiseSchedule::cosine(100);
    Trainer trainer(o, schedule, data, units);
    const DiffusionModel initial = trainer.model(false);
    const double fused = trainer.step().loss;
    Tensor<float> x({20'000, 2});
    Timesteps t(20'000);
    for (std::size_t i = 0; i < t.size(); ++i) {
      units.normalise(data.data() + 2 * (i % 4096), x.data() + 2 * i);
      t[i] = static_cast<int>(1 + i % 100);
    }
    const NoGrad guard;
    const double clear = denoising_loss<float>(initial.network, schedule, head, x,
                                               random_normal<float>({20'000, 2}, {99, 1}), t)
                             .item();
    // Squares of unit normals have variance 2: a relative standard error of 1/sqrt(20000) each.
    CHECK(std::abs(fused - clear) < 5 * std::sqrt(2.0) / std::sqrt(20'000.0) * clear);
  }
}

TEST_CASE("trainer: a steady step takes no memory", "[trainer]") {
  const Tensor<float> data = circle(500);
  set_thread_count(2);
  Trainer trainer(small_options(), NoiseSchedule::cosine(100), data, units);
  for (int i = 0; i < 30; ++i) trainer.step();
  const auto before = total_system_allocations();
  for (int i = 0; i < 5; ++i) trainer.step();
  CHECK(total_system_allocations() == before);
  set_thread_count(0);
}

TEST_CASE("trainer: bad options and bad data are named", "[trainer]") {
  const Tensor<float> data = circle(50);
  const auto make = [&](auto change) {
    TrainOptions o = small_options();
    change(o);
    return Trainer(o, NoiseSchedule::cosine(100), data, units);
  };
  CHECK_THROWS_AS(make([](auto& o) { o.batch_size = 0; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.strata = 101; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.learning_rate = -1; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.final_learning_rate = 1; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.ema_decay = 1; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.embedding = 7; }), ArgumentError);
  CHECK_THROWS_AS(make([](auto& o) { o.learning_rate = std::nan(""); }), ArgumentError);
  TrainOptions noise = small_options();
  noise.head = Head::noise;  // nothing to learn from where no signal is left
  CHECK_THROWS_AS(check(noise, NoiseSchedule::from_betas({0.1, 0.5, 1.0})), ArgumentError);
  Tensor<float> broken = data;
  broken[5] = std::numeric_limits<float>::quiet_NaN();
  std::string message;
  try {
    Trainer(small_options(), NoiseSchedule::cosine(100), broken, units);
  } catch (const InputError& e) {
    message = e.what();
  }
  CHECK(message.find("state 2, component 1") != std::string::npos);
  const auto wide = Tensor<float>::zeros({5, 3});
  CHECK_THROWS_AS(Trainer(small_options(), NoiseSchedule::cosine(100), wide, units), InputError);
}

TEST_CASE("trainer: an exploding run stops with the step", "[trainer]") {
  TrainOptions o = small_options();
  o.learning_rate = o.final_learning_rate = 1e30;
  o.warmup_steps = 0;
  const Tensor<float> data = circle(500);
  Trainer trainer(o, NoiseSchedule::cosine(100), data, units);
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 30; ++i) trainer.step();
      }(),
      NumericalError);
}
