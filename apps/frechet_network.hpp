// The network whose hidden values the Fréchet distance is measured on: a dense surrogate of two
// layers, fitted once and kept in a file.
#pragma once

#include <filesystem>
#include <string>

#include "papillon/apps/command.hpp"
#include "papillon/apps/states/states.hpp"
#include "papillon/lorenz/metrics/evaluation.hpp"

namespace papillon::apps {

struct FrechetNetwork {
  FeatureMap features;  // empty: use random ones
  std::string about;    // for people and the JSON
};

// choice: a file, "auto" (beside the reference, <stem>.frechet.safetensors) or "none". The network
// of a file that exists is taken; else one is fitted to the reference trajectories, always from the
// same seed, and written there. Where auto cannot (no trajectories, a folder that is read-only),
// the features are random ones. Throws InputError, OutputError (for a file that was named).
FrechetNetwork frechet_network(const std::string& choice, const std::filesystem::path& reference,
                               const States& states, const EvaluationOptions& options, bool quiet);

}  // namespace papillon::apps
