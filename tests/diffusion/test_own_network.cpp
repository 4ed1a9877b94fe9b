// A network of one's own, with states of 2 and of 40 components: trained, stored, loaded, sampled,
// its features used; and rows from a file, which give the same bits as rows in memory.
#include <cmath>

#include "catch.hpp"
#include "papillon/diffusion/feature_extractor.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/diffusion/trainer.hpp"
#include "papillon/tensor/npy.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "temporary_folder.hpp"

using namespace papillon;

namespace {

struct PlainConfig {
  std::size_t state_dim = 3, width = 24;
  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("state_dim", self.state_dim);
    visit("width", self.width);
  }
};

template <class T>
struct PlainNetwork {
  using value_type = T;
  using Config = PlainConfig;
  static constexpr const char* architecture = "plain-test-network";
  PlainNetwork(const Config& c, std::uint64_t seed)
      : config(c),
        time(8),
        in(c.state_dim + 8, c.width, {seed, 0}, 0),
        head(c.width, c.state_dim, {seed, 0}, 1) {}
  Var<T> features(const Var<T>& x, const Timesteps& t) const {
    return silu(in(concatenate<T>({x, Var<T>(time(t))}, 1)));
  }
  Var<T> operator()(const Var<T>& x, const Timesteps& t) const { return head(features(x, t)); }

  Config config;
  TimeEmbedding<T> time;
  Linear<T> in, head;
  template <class Self, class Visit>
  static void members(Self& self, Visit&& visit) {
    visit("time", self.time);
    visit("in", self.in);
    visit("head", self.head);
  }
};

TrainOptions small_options() {
  TrainOptions o;
  o.batch_size = 128;
  o.total_samples = 128 * 100;
  o.learning_rate = 5e-3;
  o.final_learning_rate = 1e-4;
  o.tile_rows = 32;
  o.strata = 16;
  return o;
}

Normalisation unit_scale(std::size_t d) {
  return {std::vector<double>(d, 0.0), std::vector<double>(d, 1.0)};
}

}  // namespace

TEST_CASE("own network: trained, stored, loaded, sampled, its features used", "[network]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  register_network<PlainNetwork>();
  for (const std::size_t d : {2, 40}) {
    CAPTURE(d);
    const Tensor<float> data = random_normal<float>({500, d}, {3, d});
    Trainer trainer(small_options(), NoiseSchedule::cosine(100), data, unit_scale(d),
                    PlainNetwork<float>({d, 24}, 1));
    const double before = trainer.validation_loss(data);
    while (trainer.steps_done() < trainer.total_steps()) trainer.step();
    CHECK(trainer.validation_loss(data) < before);
    const DiffusionModel trained = trainer.model();
    save_model(path, trained);
    const DiffusionModel model = load_model(path);
    CHECK(model.network.architecture() == "plain-test-network");
    CHECK(model.network.config() == NetworkConfig{{"state_dim", d}, {"width", 24}});
    CHECK(model.training.empty());
    const auto a = trained.network.state_dict(), b = model.network.state_dict();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(identical(a[i].second, b[i].second));
    SamplerOptions options;
    options.steps = 5;
    const Tensor<float> drawn =
        sample<float>({make_denoiser(model), model.schedule, model.head}, 50, d, options).states;
    CHECK(all_finite(drawn));
    const FeatureExtractor extractor(model.network, {0, 50});
    CHECK(extractor.size() == 48);
    const Tensor<float> features = extractor(drawn);
    const auto exact =
        model.network.frozen_features().in_float(Var<float>(drawn), Timesteps(50, 50));
    for (std::size_t i = 0; i < 50; ++i)
      for (std::size_t j = 0; j < 24; ++j)
        CHECK(features(i, 24 + j) == Approx(exact.value()(i, j)).margin(1e-5));
  }
}

TEST_CASE("own network: a resumed run equals an uninterrupted one", "[network]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "checkpoint.safetensors";
  const Tensor<float> data = random_normal<float>({300, 2}, {3, 7});
  const auto make = [&](std::size_t width) {
    return Trainer(small_options(), NoiseSchedule::cosine(100), data, unit_scale(2),
                   PlainNetwork<float>({2, width}, 1));
  };
  set_thread_count(1);
  Trainer whole = make(24);
  for (int i = 0; i < 5; ++i) whole.step();
  whole.save_checkpoint(path);
  set_thread_count(3);
  Trainer resumed = make(24);
  resumed.load_checkpoint(path);
  for (int i = 0; i < 5; ++i) CHECK(resumed.step().loss == whole.step().loss);
  set_thread_count(0);
  CHECK_THROWS_WITH(make(25).load_checkpoint(path), contains_text("width 24 there, 25 here"));
  Trainer paper(small_options(), NoiseSchedule::cosine(100), data, unit_scale(2));
  CHECK_THROWS_AS(paper.load_checkpoint(path), SettingsMismatch);
}

TEST_CASE("own network: a file of an unknown architecture, or a false config, is refused",
          "[network]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  register_network<PlainNetwork>();
  save_model(path, {PlainNetwork<float>({2, 24}, 1),
                    NoiseSchedule::cosine(100),
                    Head::velocity,
                    unit_scale(2),
                    {}});
  const SafetensorsFile good = read_safetensors(path);
  const auto with = [&](const char* key, const std::string& value) {
    SafetensorsFile file = good;
    file.metadata[key] = value;
    write_safetensors(path, file);
  };
  with("architecture", "transformer");
  CHECK_THROWS_AS(load_model(path), UnknownArchitecture);
  CHECK_THROWS_WITH(load_model(path),
                    contains_text("'transformer'") && contains_text("model.safe"));
  for (const char* config : {"", "[]", "{}", R"({"state_dim":2})", R"({"state_dim":2,"width":-1})",
                             R"({"state_dim":2,"width":25})", R"({"state_dim":2,"width":1048577})",
                             R"({"state_dim":2,"width":"24"})"}) {
    CAPTURE(config);
    with("network", config);
    CHECK_THROWS_AS(load_model(path), InputError);
  }
}

TEST_CASE("training from a file gives the bits of training from memory", "[network]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "states.npy";
  for (const std::size_t d : {2, 40}) {
    const Tensor<float> data = random_normal<float>({20, 13, d}, {3, d});
    TrainOptions o = small_options();
    o.hidden = 16;
    o.blocks = 1;
    o.embedding = 8;
    Trainer memory(o, NoiseSchedule::cosine(100), data, unit_scale(d));
    for (const bool in_double : {false, true}) {
      if (in_double)
        write_npy(path, cast<double>(data));
      else
        write_npy(path, data);
      const auto rows = std::make_shared<NpyRows>(path);
      CHECK(rows->rows() == 260);
      CHECK(rows->width() == d);
      Trainer reference(o, NoiseSchedule::cosine(100), data, unit_scale(d));
      Trainer file(o, NoiseSchedule::cosine(100), rows, unit_scale(d));
      for (int i = 0; i < 5; ++i) CHECK(file.step().loss == reference.step().loss);
      reference.save_checkpoint(folder.path() / "c.safetensors");
      CHECK_NOTHROW(file.load_checkpoint(folder.path() / "c.safetensors"));
    }
  }
  // A file that became shorter is an error, not a crash.
  const NpyRows rows(path);
  std::filesystem::resize_file(path, 200);
  float row[40];
  CHECK_THROWS_AS(rows.read(250, 1, row), InputError);
  CHECK_THROWS_AS(NpyRows(folder.path() / "nothing.npy"), InputError);
}
