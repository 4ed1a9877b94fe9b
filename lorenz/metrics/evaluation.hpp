// All metrics of generated states at once, each beside its floor.
#pragma once

#include <array>
#include <cstdint>

#include "papillon/lorenz/dynamics/lorenz63.hpp"
#include "papillon/lorenz/metrics/frechet.hpp"
#include "papillon/lorenz/metrics/hellinger.hpp"
#include "papillon/lorenz/metrics/identities.hpp"
#include "papillon/lorenz/metrics/metric.hpp"

namespace papillon::inline metrics {

struct EvaluationOptions {
  // States are compared as (x - shift) / scale: of the paper's training set.
  std::array<double, 3> shift{0.0450, 0.0451, 23.5463};
  std::array<double, 3> scale{7.9239, 9.0124, 8.6261};
  HistogramOptions histogram{};
  FeatureMap feature_map{};    // for the Fréchet distance; if empty, random Fourier features:
  std::size_t features = 256;  // how many of them
  // At most so many reference states, evenly spaced: for the features, as points for d_gen, and as
  // queries for d_test, which is a mean over them (0: all).
  std::size_t feature_states = std::size_t{1} << 19;
  std::size_t d_gen_states = 0;
  std::size_t d_test_states = std::size_t{1} << 20;
  std::uint64_t seed = 0;
  Lorenz63 system{};
};

struct Evaluation {
  MetricValue hellinger;   // distance of histograms
  MetricValue d_gen;       // mean squared distance of a sample to the nearest reference state
  MetricValue d_test;      // mean squared distance of a reference state to the nearest sample
  MetricValue frechet;     // distance of the features' means and covariances
  MetricValue extremes;    // a share: 0.02 is right
  MetricValue identities;  // the worst relative error
  MomentIdentities each_identity;  // their relative errors
  double outside = 0;              // share of samples outside the histogram
  // How many were used.
  std::size_t samples = 0, reference_states = 0, feature_states = 0;
  std::size_t d_gen_states = 0, d_test_states = 0;
};

// Compares samples [N, 3] with reference states [..., 3], both in physical units. The floors are
// the metrics of N states, evenly spaced, of `independent` [..., 3]: trajectories that are in
// neither. Throws InputError for states that are not finite, of another dimension, or too few.
Evaluation evaluate(const Tensor<float>& samples, const Tensor<float>& reference,
                    const Tensor<float>& independent, const EvaluationOptions& options = {});

}  // namespace papillon::inline metrics
