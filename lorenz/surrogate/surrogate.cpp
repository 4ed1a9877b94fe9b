#include "papillon/lorenz/surrogate/surrogate.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace papillon::inline surrogate {
namespace {

template <class T>
Var<T> row(const std::vector<double>& values) {
  Tensor<T> out(Shape{values.size()});
  std::transform(values.begin(), values.end(), out.begin(),
                 [](double v) { return static_cast<T>(v); });
  return Var<T>(std::move(out));
}

void check_states(const Shape& shape, std::size_t dimension) {
  if (shape.size() != 2 || shape[1] != dimension)
    throw ShapeError(fmt::format("surrogate: states have shape {}; must be [N, {}]",
                                 to_string(shape), dimension));
}

}  // namespace

Surrogate::Surrogate(FeaturesPtr features, ReadoutPtr readout, std::vector<double> shift,
                     std::vector<double> scale, double time_step)
    : features_(std::move(features)),
      readout_(std::move(readout)),
      shift_(std::move(shift)),
      scale_(std::move(scale)),
      time_step_(time_step) {
  if (features_->dimension() != shift_.size() || scale_.size() != shift_.size() ||
      readout_->outputs() != shift_.size() || readout_->inputs() != features_->size())
    throw ShapeError(
        fmt::format("surrogate: {} shifts, {} scales, features from {} to {} and a readout "
                    "from {} to {} do not fit",
                    shift_.size(), scale_.size(), features_->dimension(), features_->size(),
                    readout_->inputs(), readout_->outputs()));
  for (std::size_t j = 0; j < shift_.size(); ++j)
    if (!std::isfinite(shift_[j]) || !std::isfinite(scale_[j]) || !(scale_[j] > 0))
      throw ArgumentError(
          fmt::format("surrogate: component {} has shift {} and scale {} (finite, "
                      "scale > 0)",
                      j, shift_[j], scale_[j]));
  if (!(std::isfinite(time_step) && time_step > 0))
    throw ArgumentError(fmt::format("surrogate: time step is {}; must be positive", time_step));
}

void Surrogate::advance(std::size_t n, double* states) const {
  const std::size_t d = dimension(), width = features_->size();
  Tensor<double> features(Shape{n, width}), increments(Shape{n, d});
  features_->evaluate(n, states, features.data(), width);
  readout_->apply(n, features.data(), width, increments.data());
  for (std::size_t i = 0; i < n * d; ++i) states[i] += increments[i];
}

template <class T>
Tensor<double> Surrogate::normalised(const Tensor<T>& states, std::size_t first,
                                     std::size_t n) const {
  Tensor<double> x(Shape{n, dimension()});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < dimension(); ++j)
      x(i, j) = (static_cast<double>(states(first + i, j)) - shift_[j]) / scale_[j];
  return x;
}

template <class T>
Tensor<T> Surrogate::step(const Tensor<T>& states) const {
  check_states(states.shape(), dimension());
  const std::size_t d = dimension(), rows = states.extent(0);
  Tensor<T> out(states.shape());
  for_each_tile(rows, [&](std::size_t first, std::size_t n) {
    Tensor<double> x = normalised(states, first, n);
    advance(n, x.data());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j) out(first + i, j) = static_cast<T>(physical(x(i, j), j));
  });
  return out;
}

template <class T>
Var<T> Surrogate::step(const Var<T>& states) const {
  check_states(states.shape(), dimension());
  const Var<T> scale = row<T>(scale_);
  return states + (*readout_)((*features_)((states - row<T>(shift_)) / scale)) * scale;
}

template Tensor<double> Surrogate::normalised(const Tensor<float>&, std::size_t, std::size_t) const;
template Tensor<float> Surrogate::step(const Tensor<float>&) const;
template Tensor<double> Surrogate::step(const Tensor<double>&) const;
template Var<float> Surrogate::step(const Var<float>&) const;
template Var<double> Surrogate::step(const Var<double>&) const;

}  // namespace papillon::inline surrogate
