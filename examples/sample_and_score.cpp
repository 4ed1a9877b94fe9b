// States from a trained model, scored against the attractor that it was trained on.
//   sample_and_score model.safetensors
#include <cstdio>
#include <papillon/diffusion/model.hpp>
#include <papillon/diffusion/sampler.hpp>
#include <papillon/lorenz/dynamics/trajectories.hpp>
#include <papillon/lorenz/metrics/evaluation.hpp>

using namespace papillon;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s model.safetensors\n", argv[0]);
    return 2;
  }
  try {
    const DiffusionModel model = load_model(argv[1]);
    const DenoisingModel<float> denoising{make_denoiser(model), model.schedule, model.head};
    SamplerOptions options;  // DPM-Solver++ 2M, 50 steps
    options.random = {.seed = 1};
    Tensor<float> states = sample(denoising, 16'384, 3, options).states;
    model.normalisation.denormalise(states);

    TrajectorySetOptions data;
    data.steps = 50'000;
    data.burn_in = 5'000;
    data.set = Purpose::test_trajectories;
    const Tensor<float> reference = trajectories(Lorenz63{}, data);
    data.set = Purpose::validation_trajectories;
    const Evaluation e = evaluate(states, reference, trajectories(Lorenz63{}, data));
    const auto print = [](const char* metric, const MetricValue& m) {
      std::printf("%-20s %9.3g   floor %9.3g   ratio %.2f\n", metric, m.value, m.floor, m.ratio);
    };
    print("Hellinger distance", e.hellinger);
    print("Frechet distance", e.frechet);
    print("extremes", e.extremes);
    print("moment identities", e.identities);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
