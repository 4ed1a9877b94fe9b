// Random Fourier features of the state.
#include <fmt/format.h>

#include "papillon/lorenz/surrogate/features.hpp"

namespace papillon::inline surrogate {
namespace {

class RandomFourier final : public Features {
 public:
  RandomFourier(std::size_t dimension, const FourierOptions& options)
      : options_(options), map_(dimension, options) {}

  std::size_t dimension() const override { return map_.dimension(); }
  std::size_t size() const override { return map_.size(); }
  std::string name() const override { return fmt::format("{} random Fourier features", size()); }

  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    map_.evaluate(n, states, out, ld);
  }
  Var<float> operator()(const Var<float>& x) const override { return map_(x); }
  Var<double> operator()(const Var<double>& x) const override { return map_(x); }

  std::string kind() const override { return "random_fourier"; }
  std::map<std::string, std::string> settings() const override {
    return {{"count", std::to_string(options_.count)},
            {"width", fmt::format("{}", options_.width)},
            {"seed", std::to_string(options_.seed)}};
  }

 private:
  FourierOptions options_;
  FourierFeatures map_;
};

}  // namespace

FeaturesPtr random_fourier_features(std::size_t dimension, const FourierOptions& options) {
  return std::make_shared<RandomFourier>(dimension, options);
}

}  // namespace papillon::inline surrogate
