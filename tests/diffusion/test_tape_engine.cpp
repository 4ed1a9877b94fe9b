// The tape engine against the fused one on the network that both can compute, and its laws.
#include <algorithm>

#include "catch.hpp"
#include "papillon/diffusion/network.hpp"
#include "papillon/nn/residual_film_mlp.hpp"
#include "papillon/tensor/random.hpp"
#include "papillon/tensor/thread_pool.hpp"

using namespace papillon;

namespace {

constexpr std::size_t rows = 130;

ResidualFilmMlp<float> small_network() {
  ResidualFilmMlp<float> network({3, 24, 2, 8}, 5);
  for (auto& layer : network.residual_layers) layer.gamma.mutable_value().fill(0.5f);
  return network;
}

struct BatchResult {
  double loss, inference_loss;
  std::vector<Tensor<float>> gradients;  // sorted by the names of their parameters
  Tensor<float> prediction, features;
};

BatchResult run(DenoisingEngine<float>& engine, const ResidualFilmMlp<float>& network) {
  const Tensor<float> z = random_normal<float>({rows, 3}, {1, 1}),
                      target = random_normal<float>({rows, 3}, {1, 2});
  const Timesteps timesteps{1, 300, 999};
  const std::vector<float> weights{0.5f, 1, 2};
  std::vector<std::uint32_t> slot(rows);
  for (std::size_t i = 0; i < rows; ++i) slot[i] = static_cast<std::uint32_t>(i * 3 / rows);
  const TileSource<float> source = [&](std::size_t first, std::size_t n, float* zs, float* ts) {
    std::copy_n(z.data() + first * 3, n * 3, zs);
    std::copy_n(target.data() + first * 3, n * 3, ts);
  };
  const Tensor<float> parameters = flatten(state_dict<float>(network), engine.parameters());
  Tensor<float> gradient(parameters.shape());
  BatchResult out{0, 0, {}, Tensor<float>(Shape{rows, 3}), Tensor<float>(Shape{rows, 24})};
  engine.set_parameters(parameters.span(), EnginePurpose::training);
  engine.set_timesteps(timesteps);
  out.loss = engine.loss_and_gradient(slot, source, weights, gradient.span());
  engine.set_parameters(parameters.span());
  engine.set_timesteps(timesteps);
  out.inference_loss = engine.loss(slot, source, weights);
  engine.forward(z.span(), slot, EngineOutput::prediction, out.prediction.span());
  engine.forward(z.span(), slot, EngineOutput::features, out.features.span());
  auto entries = engine.parameters();
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (const auto& entry : entries)
    out.gradients.emplace_back(entry.shape,
                               gradient.span().subspan(entry.offset, element_count(entry.shape)));
  return out;
}

}  // namespace

TEST_CASE("tape engine: equals the fused engine", "[tape]") {
  const auto network = small_network();
  fused::Engine<float> fused(network.fused_layout(), 32);
  TapeEngine<float> tape(detail::tape_network(network), 32);
  CHECK(tape.state_dim() == 3);
  CHECK(tape.feature_count() == 24);
  const BatchResult a = run(fused, network), b = run(tape, network);
  // Sums of about 100 rows in another order: some tens of units in the last place.
  CHECK(b.loss == Approx(a.loss).epsilon(2e-5));
  CHECK(b.inference_loss == Approx(a.inference_loss).epsilon(2e-5));
  CHECK(max_abs_difference(a.prediction, b.prediction) < 1e-4f);
  CHECK(max_abs_difference(a.features, b.features) < 1e-4f);
  REQUIRE(a.gradients.size() == b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    float scale = 0;
    for (const float g : a.gradients[i]) scale = std::max(scale, std::abs(g));
    CHECK(scale > 0);
    CHECK(max_abs_difference(a.gradients[i], b.gradients[i]) <= 2e-4f * scale);
  }
}

TEST_CASE("tape engine: the same bits for any number of threads", "[tape]") {
  const auto network = small_network();
  set_thread_count(1);
  TapeEngine<float> one(detail::tape_network(network), 16);
  const BatchResult expected = run(one, network);
  for (const std::size_t threads : {2, 5}) {
    set_thread_count(threads);
    TapeEngine<float> engine(detail::tape_network(network), 16);
    const BatchResult found = run(engine, network);
    CHECK(found.loss == expected.loss);
    CHECK(found.inference_loss == expected.inference_loss);
    for (std::size_t i = 0; i < expected.gradients.size(); ++i)
      CHECK(identical(found.gradients[i], expected.gradients[i]));
    CHECK(identical(found.prediction, expected.prediction));
  }
  set_thread_count(0);
}

TEST_CASE("tape engine: what does not fit is refused", "[tape]") {
  TapeEngine<float> engine(detail::tape_network(small_network()), 16);
  std::vector<float> few(3), out(3);
  CHECK_THROWS_AS(engine.set_parameters(few), ShapeError);
  CHECK_THROWS_AS(engine.forward(few, {}, EngineOutput::prediction, out), ArgumentError);
  const Timesteps negative{-1}, fine{1};
  CHECK_THROWS_AS(engine.set_timesteps(negative), ArgumentError);
  engine.set_timesteps(fine);
  CHECK_THROWS_AS(engine.forward(few, {}, EngineOutput::features, out), ShapeError);
  CHECK_THROWS_AS(TapeEngine<float>(detail::tape_network(small_network()), 0), ArgumentError);
}
