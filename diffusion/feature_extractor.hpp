// The hidden values of a trained network at a list of timesteps, as features of a state (Finn et
// al. 2024, section 3.2).
#pragma once

#include <memory>
#include <span>

#include "papillon/diffusion/network.hpp"

namespace papillon {

// The values before the output head, [n, H K] for normalised states [n, D]: one group of H a
// timestep, K timesteps. Keeps a copy of the weights. Threads may call it at the same time, and a
// call spreads its rows over threads.
class FeatureExtractor {
 public:
  // Throws ArgumentError if there is no timestep, a negative one, or the network has no features.
  FeatureExtractor(const Network& network, Timesteps timesteps);

  std::size_t dimension() const { return engine_->state_dim(); }                     // D
  std::size_t size() const { return engine_->feature_count() * timesteps_.size(); }  // H K
  const Timesteps& timesteps() const { return timesteps_; }

  // Throws ShapeError.
  void operator()(std::span<const float> states, std::span<float> out) const;
  Tensor<float> operator()(const Tensor<float>& states) const;

 private:
  Timesteps timesteps_;
  // Once parameters and timesteps are set, forward() changes nothing but its scratch, which is
  // handed out under a lock.
  std::unique_ptr<DenoisingEngine<float>> engine_;
  Tensor<float> parameters_;
};

}  // namespace papillon
