// Random Fourier features (Rahimi and Recht 2007).
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/tensor/random_streams.hpp"

namespace papillon {
namespace {

// sin and cos of 2 pi t for a row of t, to 1e-13: by Taylor's series of half the angle reduced to
// [-pi/2, pi/2], and the formulas for its double. A plain loop, for the vectoriser.
PAPILLON_CLONES
void sines_and_cosines(const double* turns, std::size_t n, double scale, double* sines,
                       double* cosines) {
  for (std::size_t k = 0; k < n; ++k) {
    const double u = (turns[k] - std::floor(turns[k] + 0.5)) * std::numbers::pi, v = u * u;
    double s = 1, c = 1;
    for (int m = 9; m >= 1; --m) {
      s = 1 - s * v * (1.0 / (2 * m * (2 * m + 1)));
      c = 1 - c * v * (1.0 / (2 * m * (2 * m - 1)));
    }
    s *= u;
    sines[k] = scale * 2 * s * c;
    cosines[k] = scale * (1 - 2 * s * s);
  }
}

class RandomFourier final : public Features {
 public:
  RandomFourier(std::size_t dimension, const FourierOptions& options)
      : options_(options),
        half_(options.count / 2),
        scale_(std::sqrt(1 / static_cast<double>(half_))),
        frequencies_(random_normal<double>(
            {dimension, half_}, random_stream(options.seed, Purpose::fourier_frequencies))) {
    for (double& w : frequencies_) w *= options.width;
    single_ = cast<float>(frequencies_);
  }

  std::size_t dimension() const override { return frequencies_.extent(0); }
  std::size_t size() const override { return 2 * half_; }
  std::string name() const override { return fmt::format("{} random Fourier features", size()); }

  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    const std::size_t d = dimension();
    std::vector<double> turns(half_);
    for (std::size_t r = 0; r < n; ++r, out += ld) {
      std::fill(turns.begin(), turns.end(), 0.0);
      for (std::size_t i = 0; i < d; ++i) {
        const double x = states[r * d + i];
        for (std::size_t k = 0; k < half_; ++k) turns[k] += x * frequencies_(i, k);
      }
      sines_and_cosines(turns.data(), half_, scale_, out, out + half_);
    }
  }

  Var<float> operator()(const Var<float>& x) const override { return waves(x, single_); }
  Var<double> operator()(const Var<double>& x) const override { return waves(x, frequencies_); }

  std::string kind() const override { return "random_fourier"; }
  std::map<std::string, std::string> settings() const override {
    return {{"count", std::to_string(options_.count)},
            {"width", fmt::format("{}", options_.width)},
            {"seed", std::to_string(options_.seed)}};
  }

 private:
  template <class T>
  Var<T> waves(const Var<T>& x, const Tensor<T>& w) const {
    const Var<T> angles = matmul(x, Var<T>(w)) * static_cast<T>(2 * std::numbers::pi);
    return concatenate<T>({sin(angles), cos(angles)}, 1) * static_cast<T>(scale_);
  }

  FourierOptions options_;
  std::size_t half_;
  double scale_;
  Tensor<double> frequencies_;  // [D, F / 2]
  Tensor<float> single_;
};

}  // namespace

FeaturesPtr random_fourier_features(std::size_t dimension, const FourierOptions& o) {
  if (dimension == 0 || o.count == 0 || o.count % 2 != 0)
    throw ArgumentError(fmt::format(
        "random features: {} of dimension {}; their number should be even", o.count, dimension));
  if (!(std::isfinite(o.width) && o.width > 0))
    throw ArgumentError(fmt::format("random features: width {} should be positive", o.width));
  return std::make_shared<RandomFourier>(dimension, o);
}

}  // namespace papillon
