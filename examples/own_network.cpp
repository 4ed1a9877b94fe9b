// A denoising network of your own: trained, stored, loaded, sampled, and its features fitted.
#include <cstdio>
#include <papillon/diffusion/sampler.hpp>
#include <papillon/diffusion/trainer.hpp>
#include <papillon/lorenz/dynamics/climatology.hpp>
#include <papillon/lorenz/dynamics/trajectories.hpp>
#include <papillon/lorenz/surrogate/fit.hpp>
#include <papillon/nn/mlp.hpp>
using namespace papillon;
struct SiluConfig {
  std::size_t state_dim = 3, width = 96;
  static void members(auto& self, auto&& visit) {
    visit("state_dim", self.state_dim);
    visit("width", self.width);
  }
};

template <class T>
struct SiluNetwork {
  using value_type = T;
  using Config = SiluConfig;
  static constexpr const char* architecture = "silu";
  SiluNetwork(const Config& c, std::uint64_t seed)
      : config(c),
        time(32),
        body({c.state_dim + 32, c.width, c.width}, {seed, 0}, Activation::silu),
        head(c.width, c.state_dim, {seed, 0}, 2) {}
  Var<T> features(const Var<T>& x, const Timesteps& t) const {
    return silu(body(concatenate<T>({x, Var<T>(time(t))}, 1)));
  }
  Var<T> operator()(const Var<T>& x, const Timesteps& t) const { return head(features(x, t)); }
  Config config;
  TimeEmbedding<T> time;
  Mlp<T> body;
  Linear<T> head;
  static void members(auto& self, auto&& visit) {
    visit("time", self.time);
    visit("body", self.body);
    visit("head", self.head);
  }
};

int main() {
  const Tensor<float> set = trajectories(Lorenz63{}, {.members = 8, .steps = 5000});
  const Normalisation units{climatology(set).mean(), climatology(set).standard_deviation()};
  const TrainOptions options{.total_samples = 300'000, .batch_size = 128, .strata = 64};
  Trainer trainer(options, NoiseSchedule::cosine(), set, units, SiluNetwork<float>({}, 0));
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  save_model("own.safetensors", trainer.model());
  register_network<SiluNetwork>();
  const DiffusionModel model = load_model("own.safetensors");
  auto drawn = sample<float>({make_denoiser(model), model.schedule, model.head}, 5000, 3).states;
  model.normalisation.denormalise(drawn);
  const double ratio = climatology(drawn).standard_deviation()[2] / units.scale[2];
  const TrainingPairs pairs(set, units.shift, units.scale, {.lead = 10, .samples = 20'000});
  const auto fit = ridge_system(*network_features(model.network, {0, 200}), pairs).solve(1e-6);
  std::printf("deviation of z %.3f of the truth's, %zu weights\n", ratio, fit.weight.size());
  return ratio > 0.8 && ratio < 1.2 && fit.weight.size() == 3 * 2 * 96 ? 0 : 1;
}
