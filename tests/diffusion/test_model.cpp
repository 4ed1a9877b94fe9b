// Models as files: what is written comes back, and what does not fit is refused.
#include <cmath>

#include "catch.hpp"
#include "corruptions.hpp"
#include "papillon/autograd/gradient.hpp"
#include "papillon/diffusion/feature_extractor.hpp"
#include "papillon/diffusion/model.hpp"
#include "papillon/diffusion/sampler.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/nn/state_dict.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"
#include "temporary_folder.hpp"

using namespace papillon;

namespace {

DiffusionModel small_model(NoiseSchedule schedule = NoiseSchedule::cosine(1000)) {
  ResidualFilmMlp<float> network({3, 20, 2, 8}, 3);
  auto dict = state_dict<float>(network);
  for (auto& [name, tensor] : dict)
    if (name.ends_with("gamma")) fill_uniform<float>({3, name.size()}, 0, tensor.span());
  load_state_dict<float>(network, dict);
  return {std::move(network),
          std::move(schedule),
          Head::velocity,
          {{0.1, 0.2, 23.5}, {7.9, 9.0, 8.6}},
          {{"seed", "3"}}};
}

}  // namespace

TEST_CASE("model: written and read back, everything is the same", "[model]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  for (const auto& schedule : {NoiseSchedule::cosine(1000), NoiseSchedule::linear(500, 1e-4, 0.02),
                               NoiseSchedule::from_betas({0.1, 0.2, 0.3})}) {
    const DiffusionModel model = small_model(schedule);
    save_model(path, model);
    const DiffusionModel read = load_model(path);
    CHECK(read.head == model.head);
    CHECK(read.normalisation.shift == model.normalisation.shift);
    CHECK(read.normalisation.scale == model.normalisation.scale);
    CHECK(read.training == model.training);
    CHECK(read.schedule.name() == model.schedule.name());
    CHECK(read.schedule.betas() == model.schedule.betas());
    const auto a = model.network.state_dict(), b = read.network.state_dict();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].first == b[i].first);
      CHECK(identical(a[i].second, b[i].second));
    }
  }
}

TEST_CASE("model: the denoiser and the features equal the module's", "[model]") {
  const DiffusionModel model = small_model();
  const Tensor<float> z = random_normal<float>({700, 3}, {1, 1});
  const NoGrad guard;
  const Timesteps t(700, 321);
  CHECK(max_abs_difference(make_denoiser(model)(z, 321), model.network(Var<float>(z), t).value()) <
        2e-5f);
  const std::vector<int> steps = {0, 321};
  const Tensor<float> values = features(model, z, steps);
  CHECK(values.shape() == Shape{700, 40});
  const Tensor<float> wanted = model.network.features(Var<float>(z), t).value();
  float worst = 0;
  for (std::size_t i = 0; i < 700; ++i)
    for (std::size_t j = 0; j < 20; ++j)
      worst = std::max(worst, std::abs(values(i, 20 + j) - wanted(i, j)));
  CHECK(worst < 1e-4f);
  CHECK_THROWS_AS(make_denoiser(model)(Tensor<float>::zeros({5, 2}), 1), ShapeError);
  CHECK_THROWS_AS(features(model, z, std::vector<int>{1001}), ArgumentError);
}

TEST_CASE("model: a row's prediction and features have the same bits in any batch", "[model]") {
  const DiffusionModel model = small_model();
  const Denoiser<float> denoiser = make_denoiser(model);
  const FeatureExtractor extractor(model.network, {0, 10});
  const Tensor<float> z = random_normal<float>({600, 3}, {1, 1});
  const Tensor<float> all = denoiser(z, 10), values = extractor(z);
  for (const std::size_t n : {1, 2, 7, 255, 256, 257})
    for (std::size_t first = 0; first + n <= 600; first += n) {
      const Tensor<float> part(Shape{n, 3}, z.span().subspan(first * 3, n * 3));
      REQUIRE(identical(denoiser(part, 10), {Shape{n, 3}, all.span().subspan(first * 3, n * 3)}));
      REQUIRE(
          identical(extractor(part), {Shape{n, 40}, values.span().subspan(first * 40, n * 40)}));
    }
  const FeatureExtractor one(model.network, {10});  // beside other timesteps or not
  const Tensor<float> half = one(z);
  for (std::size_t i = 0; i < 600; ++i)
    for (std::size_t j = 0; j < 20; ++j) REQUIRE(half(i, j) == values(i, 20 + j));
}

TEST_CASE("model: states of one seed have the same bits in batches of any size", "[model]") {
  const DiffusionModel model = small_model();
  const DenoisingModel<float> denoising{make_denoiser(model), model.schedule, model.head};
  for (const Sampler& sampler : {ddpm_sampler(), ddim_sampler(), dpm_solver_sampler(),
                                 dpm_solver_sampler({.order = 3}), heun_sampler()}) {
    CAPTURE(sampler.name());
    SamplerOptions options;
    options.sampler = sampler;
    options.steps = 4;
    options.random = {5, 0};
    const Tensor<float> all = sample(denoising, 600, 3, options).states;
    for (const std::size_t threads : {1, 2, 5}) {
      set_thread_count(threads);
      for (const std::size_t batch : {1, 2, 7, 255, 256, 257, 600})
        for (std::size_t first = 0; first < 600; first += batch) {
          const std::size_t n = std::min<std::size_t>(batch, 600 - first);
          options.first_row = first;
          REQUIRE(identical(sample(denoising, n, 3, options).states,
                            {Shape{n, 3}, all.span().subspan(first * 3, n * 3)}));
        }
    }
    set_thread_count(0);
  }
}

TEST_CASE("model: files that do not fit are refused", "[model]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  save_model(path, small_model());
  const SafetensorsFile good = read_safetensors(path);
  const auto refused = [&](auto change) {
    SafetensorsFile file = good;
    change(file);
    write_safetensors(path, file);
    CHECK_THROWS_AS(load_model(path), InputError);
  };
  for (const char* key : {"head", "schedule", "schedule_steps", "shift", "scale"})
    refused([&](auto& f) { f.metadata.erase(key); });
  refused([](auto& f) { f.metadata["head"] = "tail"; });
  refused([](auto& f) { f.metadata["schedule"] = "sawtooth"; });
  refused([](auto& f) { f.metadata["schedule_steps"] = "-5"; });
  refused([](auto& f) { f.metadata["schedule_steps"] = "99999999999"; });
  refused([](auto& f) { f.metadata["schedule_betas"] = "[0.1, \"x\"]"; });
  refused([](auto& f) { f.metadata["schedule_betas"] = "[[[["; });
  refused([](auto& f) { f.metadata["shift"] = "[1]"; });
  refused([](auto& f) { f.metadata["scale"] = "[1, -1, 1]"; });
  for (std::size_t i = 0; i < good.entries.size(); ++i)
    refused([&](auto& f) { f.entries.erase(f.entries.begin() + static_cast<std::ptrdiff_t>(i)); });
  refused([](auto& f) { f.add("extra", Tensor<float>::zeros({2})); });
  refused([](auto& f) {
    for (auto& b : f.entries[0].bytes) b = std::byte{0xff};  // NaN
  });
  refused([](auto& f) { f.entries[0].dtype = "I32"; });
  // Counters and masks that others store beside the parameters do not matter.
  SafetensorsFile file = good;
  for (const char* type : {"I64", "BOOL", "BF16", "F8_E4M3"})
    file.entries.push_back({type, type, Shape{0}, {}});
  write_safetensors(path, file);
  CHECK(load_model(path).normalisation == small_model().normalisation);
}

TEST_CASE("model: every entry of a file is looked at before it is believed", "[model]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  save_model(path, small_model(NoiseSchedule::linear(3, 0.1, 0.3)));
  const auto lists = [](std::vector<std::string> more) {
    more.insert(more.end(), testing::no_numbers.begin(), testing::no_numbers.end());
    return more;
  };
  std::vector<std::string> steps = testing::no_integers;
  steps.insert(steps.end(), {"0", "2", "4", "1000001"});
  testing::check_corruptions(
      path, [&] { load_model(path); },
      {{"head", {"", "tail", "Velocity", "velocity "}},
       {"schedule_steps", steps},
       {"shift", lists({"[1]", "[1, 2, 3, 4]"})},
       {"scale", lists({"[1, 1, 0]", "[1, -1, 1]", "[1, 1]", "[-0.0, 1, 1]"})}});
  SafetensorsFile file = read_safetensors(path);
  const auto refused = [&](const char* key, const std::string& value) {
    CAPTURE(key, value);
    SafetensorsFile changed = file;
    changed.metadata[key] = value;
    write_safetensors(path, changed);
    CHECK_THROWS_AS(load_model(path), InputError);
  };
  for (const std::string& betas : lists(
           {"[0.1, 0.2]", "[0, 0.1, 0.2]", "[0.1, 1, 0.2]", "[0.1, 0.2, 1.1]", "[-0.1, 0.1, 0.2]"}))
    refused("schedule_betas", betas);
  refused("schedule", "cosine");  // whose betas these are not
  refused("format", "papillon-surrogate");
  // The noise head finds no state where no signal is left.
  file.metadata["schedule_betas"] = "[0.1, 0.2, 1]";
  write_safetensors(path, file);
  CHECK_NOTHROW(load_model(path));
  refused("head", "noise");
}
