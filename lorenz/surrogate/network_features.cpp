// The hidden values of a diffusion network.
#include <fmt/format.h>

#include "papillon/diffusion/feature_extractor.hpp"
#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/nn/residual_film_mlp.hpp"

namespace papillon::inline surrogate {
namespace {

class NetworkFeatures final : public Features {
 public:
  NetworkFeatures(const Network& network, Timesteps timesteps)
      : network_(network),
        extractor_(network, std::move(timesteps)),
        frozen_(network.frozen_features()) {}

  std::size_t dimension() const override { return extractor_.dimension(); }
  std::size_t size() const override { return extractor_.size(); }
  std::string name() const override { return fmt::format("network at t = {}", steps()); }

  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    const std::size_t width = size();
    Tensor<float> x(Shape{n, dimension()}), features(Shape{n, width});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(states[i]);
    extractor_(x.span(), features.span());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < width; ++j) out[i * ld + j] = static_cast<double>(features(i, j));
  }

  Var<float> operator()(const Var<float>& x) const override { return hidden(frozen_.in_float, x); }
  Var<double> operator()(const Var<double>& x) const override {
    return hidden(frozen_.in_double, x);
  }

  std::string kind() const override { return "network"; }
  // The paper's network is not named: its files stay as they were.
  std::map<std::string, std::string> settings() const override {
    if (network_.architecture() == ResidualFilmMlp<float>::architecture)
      return {{"timesteps", steps()}};
    return {{"timesteps", steps()},
            {"architecture", network_.architecture()},
            {"network", to_json(network_.config())}};
  }
  StateDict<float> weights() const override { return network_.state_dict(); }

 private:
  std::string steps() const {
    std::string text;
    for (const int t : extractor_.timesteps())
      text += (text.empty() ? "" : ", ") + std::to_string(t);
    return text;
  }

  template <class Function, class T>
  Var<T> hidden(const Function& features, const Var<T>& x) const {
    std::vector<Var<T>> all;
    for (const int t : extractor_.timesteps())
      all.push_back(features(x, Timesteps(x.shape()[0], t)));
    return all.size() == 1 ? all.front() : concatenate(all, 1);
  }

  Network network_;
  FeatureExtractor extractor_;
  FrozenFeatures frozen_;
};

}  // namespace

FeaturesPtr network_features(const Network& network, Timesteps timesteps) {
  return std::make_shared<NetworkFeatures>(network, std::move(timesteps));
}

}  // namespace papillon::inline surrogate
