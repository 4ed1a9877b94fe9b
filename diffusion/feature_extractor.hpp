// The hidden values of a trained network at a list of timesteps, as features of a state (Finn et
// al. 2024, section 3.2).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon {

// The values before the output head, [n, H K] for normalised states [n, D]: one group of H a
// timestep, K timesteps. Keeps a copy of the weights; FiLM is computed once, when it is made. Calls
// from several threads run beside each other, and a call spreads its rows over threads.
class FeatureExtractor {
 public:
  // Throws ArgumentError if there is no timestep or a negative one.
  FeatureExtractor(const ResidualFilmMlp<float>& network, std::vector<int> timesteps);
  ~FeatureExtractor();
  FeatureExtractor(FeatureExtractor&&) noexcept;
  FeatureExtractor& operator=(FeatureExtractor&&) noexcept;

  std::size_t dimension() const;  // D
  std::size_t size() const;       // H K
  const std::vector<int>& timesteps() const { return timesteps_; }

  // Throws ShapeError.
  void operator()(std::span<const float> states, std::span<float> out) const;
  Tensor<float> operator()(const Tensor<float>& states) const;

 private:
  struct State;
  std::vector<int> timesteps_;
  std::unique_ptr<State> state_;
};

}  // namespace papillon
