// The hidden values of a diffusion network.
#include <fmt/format.h>

#include "papillon/diffusion/feature_extractor.hpp"
#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/nn/frozen.hpp"

namespace papillon::inline surrogate {
namespace {

template <class T>
ResidualFilmMlp<T> constant(const ResidualFilmMlp<float>& network) {
  const auto& c = network.config;
  return frozen(ResidualFilmMlp<T>({c.state_dim, c.hidden, c.blocks, c.embedding}, 0), network);
}

class NetworkFeatures final : public Features {
 public:
  NetworkFeatures(const ResidualFilmMlp<float>& network, std::vector<int> timesteps)
      : extractor_(network, std::move(timesteps)),
        single_(constant<float>(network)),
        double_(constant<double>(network)) {}

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

  Var<float> operator()(const Var<float>& x) const override { return hidden(single_, x); }
  Var<double> operator()(const Var<double>& x) const override { return hidden(double_, x); }

  std::string kind() const override { return "network"; }
  std::map<std::string, std::string> settings() const override { return {{"timesteps", steps()}}; }
  StateDict<float> weights() const override { return state_dict<float>(single_); }

 private:
  std::string steps() const {
    std::string text;
    for (const int t : extractor_.timesteps())
      text += (text.empty() ? "" : ", ") + std::to_string(t);
    return text;
  }

  template <class T>
  Var<T> hidden(const ResidualFilmMlp<T>& network, const Var<T>& x) const {
    std::vector<Var<T>> all;
    for (const int t : extractor_.timesteps())
      all.push_back(network.features(x, std::vector<std::int64_t>(x.shape()[0], t)));
    return all.size() == 1 ? all.front() : concatenate(all, 1);
  }

  FeatureExtractor extractor_;
  ResidualFilmMlp<float> single_;
  ResidualFilmMlp<double> double_;
};

}  // namespace

FeaturesPtr network_features(const ResidualFilmMlp<float>& network, std::vector<int> timesteps) {
  return std::make_shared<NetworkFeatures>(network, std::move(timesteps));
}

}  // namespace papillon::inline surrogate
