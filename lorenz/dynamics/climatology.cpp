#include "papillon/lorenz/dynamics/climatology.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/linalg.hpp"
#include "papillon/tensor/thread_pool.hpp"

namespace papillon::inline dynamics {
namespace {
constexpr std::size_t climatology_block = 2048;
// Blocks whose sums are alive at once.
constexpr std::size_t group_blocks = 32;
}  // namespace

Climatology::Climatology(std::size_t dimension)
    : mean_(dimension), scatter_(dimension * dimension) {
  if (dimension == 0) throw ArgumentError("climatology: the dimension should be positive");
}

template <class T>
void Climatology::add_block(const T* rows, std::size_t count) {
  const std::size_t n = dimension();
  std::vector<double> centred(count * n);
  for (std::size_t k = 0; k < count * n; ++k) centred[k] = static_cast<double>(rows[k]);
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < n; ++i) mean_[i] += centred[k * n + i];
  for (double& m : mean_) m /= static_cast<double>(count);
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < n; ++i) centred[k * n + i] -= mean_[i];
  if (n <= 8) {
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
          scatter_[i * n + j] += centred[k * n + i] * centred[k * n + j];
  } else {
    gemm(Transpose::yes, Transpose::no, n, n, count, 1.0, centred.data(), n, centred.data(), n, 0.0,
         scatter_.data(), n);
  }
  count_ = count;
}

template <class T>
void Climatology::add(std::span<const T> rows) {
  const std::size_t n = dimension();
  if (rows.size() % n != 0)
    throw ShapeError(
        fmt::format("climatology: {} values are no whole number of rows of {}", rows.size(), n));
  const std::size_t count = rows.size() / n,
                    blocks = (count + climatology_block - 1) / climatology_block;
  SingleThreadedBlas one_thread_a_block;
  for (std::size_t first = 0; first < blocks; first += group_blocks) {
    std::vector<Climatology> parts(std::min(group_blocks, blocks - first), Climatology(n));
    parallel_for(parts.size(), [&](std::size_t p) {
      const std::size_t begin = (first + p) * climatology_block;
      parts[p].add_block(rows.data() + begin * n, std::min(climatology_block, count - begin));
    });
    for (std::size_t stride = 1; stride < parts.size(); stride *= 2)
      for (std::size_t p = 0; p + stride < parts.size(); p += 2 * stride)
        parts[p].merge(parts[p + stride]);
    merge(parts[0]);
  }
}

void Climatology::merge(const Climatology& other) {
  if (other.dimension() != dimension())
    throw ShapeError(
        fmt::format("climatology: merging dimension {} into {}", other.dimension(), dimension()));
  if (other.count_ == 0) return;
  const std::size_t n = dimension();
  const double a = static_cast<double>(count_), b = static_cast<double>(other.count_);
  std::vector<double> shift(n);
  for (std::size_t i = 0; i < n; ++i) shift[i] = other.mean_[i] - mean_[i];
  for (std::size_t i = 0; i < n; ++i) {
    mean_[i] += shift[i] * (b / (a + b));
    for (std::size_t j = 0; j < n; ++j)
      scatter_[i * n + j] += other.scatter_[i * n + j] + shift[i] * shift[j] * (a * b / (a + b));
  }
  count_ += other.count_;
}

Tensor<double> Climatology::covariance() const {
  if (count_ < 2) throw ArgumentError("climatology: a covariance needs at least two states");
  Tensor<double> c(Shape{dimension(), dimension()}, scatter_);
  for (double& x : c) x /= static_cast<double>(count_ - 1);
  return c;
}

std::vector<double> Climatology::standard_deviation() const {
  const Tensor<double> c = covariance();
  std::vector<double> s(dimension());
  for (std::size_t i = 0; i < s.size(); ++i) s[i] = std::sqrt(c(i, i));
  return s;
}

template <class T>
Climatology climatology(const Tensor<T>& states) {
  if (states.rank() == 0) throw ShapeError("climatology: states have shape [], and need an axis");
  Climatology c(states.extent(-1));
  c.add(states.span());
  return c;
}

template void Climatology::add(std::span<const float>);
template void Climatology::add(std::span<const double>);
template Climatology climatology(const Tensor<float>&);
template Climatology climatology(const Tensor<double>&);

}  // namespace papillon::inline dynamics
