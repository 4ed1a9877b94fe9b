#include "papillon/nn/time_embedding.hpp"

#include <algorithm>
#include <cmath>

namespace papillon {
namespace {

double embedding_frequency(std::size_t k, std::size_t half) {
  return std::exp(-static_cast<double>(k) * std::log(10000.0) / static_cast<double>(half - 1));
}

}  // namespace

template <class T>
void embed_timestep(int t, std::size_t width, T* out) {
  const std::size_t half = width / 2;
  for (std::size_t k = 0; k < half; ++k) {
    const double phase = t * embedding_frequency(k, half);
    out[k] = static_cast<T>(std::sin(phase));
    out[half + k] = static_cast<T>(std::cos(phase));
  }
}

template <class T>
TimeEmbedding<T>::TimeEmbedding(std::size_t width) : frequencies(Shape{width / 2}) {
  if (width < 4 || width % 2 != 0)
    throw ArgumentError("TimeEmbedding: width " + std::to_string(width) + " (even, at least 4)");
  for (std::size_t k = 0; k < width / 2; ++k)
    frequencies[k] = static_cast<T>(embedding_frequency(k, width / 2));
}

template <class T>
Tensor<T> TimeEmbedding<T>::operator()(const Timesteps& t) const {
  const std::size_t width = 2 * frequencies.size();
  Tensor<T> out(Shape{t.size(), width});
  for (std::size_t i = 0; i < t.size(); ++i) {
    T* row = out.data() + i * width;
    if (i > 0 && t[i] == t[i - 1])  // rows of a batch are sorted by timestep
      std::copy_n(row - width, width, row);
    else
      embed_timestep(t[i], width, row);
  }
  return out;
}

template struct TimeEmbedding<float>;
template struct TimeEmbedding<double>;
template void embed_timestep(int, std::size_t, float*);
template void embed_timestep(int, std::size_t, double*);

}  // namespace papillon
