#include "papillon/apps/frechet_network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/apps/progress.hpp"
#include "papillon/lorenz/surrogate/network_fit.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr std::size_t steps_ahead = 10;
constexpr std::uint64_t most_samples = std::uint64_t{1} << 18, epochs = 10;

Surrogate fit(const States& states, const EvaluationOptions& o, bool quiet) {
  const StateLayout& layout = states.layout;
  if (layout.times <= steps_ahead)
    throw InputError("the reference holds no trajectories to fit the Fréchet network to");
  const std::vector<double> shift(o.shift.begin(), o.shift.end()),
      scale(o.scale.begin(), o.scale.end());
  const Tensor<float> trajectories = states.values.reshaped(
      {static_cast<std::ptrdiff_t>(layout.members), static_cast<std::ptrdiff_t>(layout.times), -1});
  const std::uint64_t samples =
      std::min<std::uint64_t>(most_samples, layout.members * (layout.times - steps_ahead));
  const TrainingPairs pairs(trajectories, shift, scale, {.lead = steps_ahead, .samples = samples});
  TrainingOptions training;
  training.total_samples = epochs * samples;
  training.batch_size = 1024;
  training.learning_rate = 1e-3;
  training.final_learning_rate = 1e-6;
  const FeaturesPtr state = identity_features(shift.size());
  Progress progress("Fréchet network", training.total_samples, "samples", quiet);
  double loss = 0;
  ReadoutPtr readout =
      fit_network(*state, pairs, {.layers = 2}, training, [&](const TrainingReport& report) {
        loss = report.loss;
        progress.update(std::min(report.samples, training.total_samples));
      });
  progress.finish();
  const double dt = layout.dt > 0 ? layout.dt : 0.01;
  Surrogate surrogate(state, std::move(readout), shift, scale, dt * steps_ahead);
  surrogate.training = {{"model", "dense2"},
                        {"purpose", "features of the Fréchet distance"},
                        {"samples", std::to_string(samples)},
                        {"epochs", std::to_string(epochs)},
                        {"training_loss", fmt::format("{}", loss)}};
  return surrogate;
}

}  // namespace

FrechetNetwork frechet_network(const std::string& choice, const std::filesystem::path& reference,
                               const States& states, const EvaluationOptions& options, bool quiet) {
  const FrechetNetwork random{{}, "random Fourier features"};
  if (choice == "none") return random;
  std::filesystem::path file = choice;
  if (choice == "auto") {
    file = reference;
    file.replace_extension(".frechet.safetensors");
  }
  try {
    if (!std::filesystem::exists(file)) save_surrogate(file, fit(states, options, quiet));
    const Surrogate surrogate = load_surrogate(file);
    if (!std::equal(surrogate.shift().begin(), surrogate.shift().end(), options.shift.begin(),
                    options.shift.end()) ||
        !std::equal(surrogate.scale().begin(), surrogate.scale().end(), options.scale.begin(),
                    options.scale.end()))
      throw InputError(
          fmt::format("{}: fitted to states of another normalisation; remove it, or name another "
                      "file with --frechet-network",
                      file.string()));
    if (surrogate.readout().kind() == "linear")
      throw InputError(fmt::format(
          "{}: has a linear readout; a network with a hidden layer is needed", file.string()));
    return {hidden_features(surrogate), fmt::format("hidden layer of {}", file.string())};
  } catch (const Error& error) {
    if (choice != "auto") throw;
    if (!quiet) print_message("Fréchet distance: {}; random features in its place\n", error.what());
    return random;
  }
}

}  // namespace papillon::apps
