#include "papillon/nn/time_embedding.hpp"

#include <cmath>

namespace papillon {
namespace {

double frequency(std::size_t k, std::size_t half) {
  return std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(half - 1));
}

}  // namespace

template <class T>
TimeEmbedding<T>::TimeEmbedding(std::size_t width) : frequencies(Shape{width / 2}) {
  if (width < 4 || width % 2 != 0)
    throw ArgumentError("TimeEmbedding: width " + std::to_string(width) + " (even, at least 4)");
  for (std::size_t k = 0; k < width / 2; ++k)
    frequencies[k] = static_cast<T>(frequency(k, width / 2));
}

// The phase t f_k is formed in double from the formula: with f_k rounded to float it would be off
// by up to 1e-4 at t = 1000.
template <class T>
Tensor<T> TimeEmbedding<T>::operator()(const std::vector<std::int64_t>& t) const {
  const std::size_t half = frequencies.size();
  Tensor<T> out(Shape{t.size(), 2 * half});
  for (std::size_t k = 0; k < half; ++k) {
    const double f = frequency(k, half);
    for (std::size_t i = 0; i < t.size(); ++i) {
      const double phase = static_cast<double>(t[i]) * f;
      out(i, k) = static_cast<T>(std::sin(phase));
      out(i, half + k) = static_cast<T>(std::cos(phase));
    }
  }
  return out;
}

template struct TimeEmbedding<float>;
template struct TimeEmbedding<double>;

}  // namespace papillon
