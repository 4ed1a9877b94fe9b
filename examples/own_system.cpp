// A dynamical system of your own, from its equations to states that a diffusion model draws.
#include <cmath>
#include <cstdio>
#include <papillon/diffusion/sampler.hpp>
#include <papillon/diffusion/trainer.hpp>
#include <papillon/lorenz/dynamics/climatology.hpp>
#include <papillon/lorenz/dynamics/trajectories.hpp>

using namespace papillon;

// The system of Roessler (1976), doi:10.1016/0375-9601(76)90101-8.
struct Roessler {
  double a = 0.2, b = 0.2, c = 5.7;
  static constexpr std::size_t dimension() { return 3; }
  template <class V>
  PAPILLON_INLINE void tendency(const V* x, V* dxdt) const {
    dxdt[0] = V(-1.0) * (x[1] + x[2]);
    dxdt[1] = x[0] + V(a) * x[1];
    dxdt[2] = V(b) + x[2] * (x[0] - V(c));
  }
};

int main() {
  TrajectorySetOptions data;
  data.members = 8;
  data.burn_in = 20'000;
  data.steps = 100'000;
  data.store_every = 10;
  const Tensor<float> states =
      trajectories(Roessler{}, data).reshaped({-1, 3});  // [members * time, 3]
  const Climatology truth = climatology(states);

  TrainOptions options;
  options.hidden = 64;
  options.embedding = 64;
  options.batch_size = 1024;
  options.strata = 64;
  options.total_samples = 1'000'000;
  options.learning_rate = 2e-3;
  options.final_learning_rate = 1e-5;
  Trainer trainer(options, NoiseSchedule::cosine(), states,
                  {truth.mean(), truth.standard_deviation()});
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();

  const DiffusionModel model = trainer.model();
  const DenoisingModel<float> denoising{make_denoiser(model), model.schedule, model.head};
  Tensor<float> drawn = sample(denoising, 20'000, 3, {}).states;
  model.normalisation.denormalise(drawn);
  const Climatology generated = climatology(drawn);

  bool right = true;  // means within a tenth of a standard deviation, deviations within a tenth
  for (std::size_t i = 0; i < 3; ++i) {
    const double m = truth.mean()[i], s = truth.standard_deviation()[i];
    const double gm = generated.mean()[i], gs = generated.standard_deviation()[i];
    std::printf("component %zu: true %7.3f +- %.3f, generated %7.3f +- %.3f\n", i, m, s, gm, gs);
    right &= std::abs(gm - m) < 0.1 * s && std::abs(gs - s) < 0.1 * s;
  }
  return right ? 0 : 1;
}
