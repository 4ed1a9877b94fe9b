#include "papillon/nn/fourier_features.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "papillon/autograd/ops.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"
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

double amplitude(const Tensor<double>& frequencies) {
  return std::sqrt(1 / static_cast<double>(frequencies.extent(1)));
}

template <class T>
Var<T> waves(const Var<T>& x, const Tensor<T>& frequencies, double scale) {
  const Var<T> angles = matmul(x, Var<T>(frequencies)) * static_cast<T>(2 * std::numbers::pi);
  return concatenate<T>({sin(angles), cos(angles)}, 1) * static_cast<T>(scale);
}

}  // namespace

FourierFeatures::FourierFeatures(std::size_t dimension, const FourierOptions& o) {
  if (dimension == 0 || o.count == 0 || o.count % 2 != 0)
    throw ArgumentError(fmt::format(
        "Fourier features: {} of dimension {}; their number must be even", o.count, dimension));
  if (!(std::isfinite(o.width) && o.width > 0))
    throw ArgumentError(fmt::format("Fourier features: width is {}; must be positive", o.width));
  frequencies_ = random_normal<double>({dimension, o.count / 2},
                                       random_stream(o.seed, Purpose::fourier_frequencies));
  for (double& w : frequencies_) w *= o.width;
  single_ = cast<float>(frequencies_);
}

void FourierFeatures::evaluate(std::size_t n, const double* states, double* out,
                               std::size_t ld) const {
  const std::size_t d = dimension(), half = frequencies_.extent(1);
  const double scale = amplitude(frequencies_);
  std::vector<double> turns(half);
  for (std::size_t r = 0; r < n; ++r, out += ld) {
    std::fill(turns.begin(), turns.end(), 0.0);
    for (std::size_t i = 0; i < d; ++i) {
      const double x = states[r * d + i];
      for (std::size_t k = 0; k < half; ++k) turns[k] += x * frequencies_(i, k);
    }
    sines_and_cosines(turns.data(), half, scale, out, out + half);
  }
}

Tensor<double> FourierFeatures::operator()(const Tensor<float>& states) const {
  const std::size_t d = dimension();
  Tensor<double> features(Shape{states.extent(0), size()});
  for_each_tile(states.extent(0), [&](std::size_t first, std::size_t n) {
    const std::vector<double> x(states.data() + first * d, states.data() + (first + n) * d);
    evaluate(n, x.data(), features.data() + first * size(), size());
  });
  return features;
}

Var<float> FourierFeatures::operator()(const Var<float>& x) const {
  return waves(x, single_, amplitude(frequencies_));
}
Var<double> FourierFeatures::operator()(const Var<double>& x) const {
  return waves(x, frequencies_, amplitude(frequencies_));
}

}  // namespace papillon
