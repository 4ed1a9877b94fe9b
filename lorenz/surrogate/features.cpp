// The states themselves, concatenations, and many rows at once.
#include "papillon/lorenz/surrogate/features.hpp"
#include "papillon/tensor/internal/row_tiles.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace papillon::inline surrogate {
namespace {

class Identity final : public Features {
 public:
  explicit Identity(std::size_t dimension) : dimension_(dimension) {}
  std::size_t dimension() const override { return dimension_; }
  std::size_t size() const override { return dimension_; }
  std::string name() const override { return "the state"; }
  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    for (std::size_t i = 0; i < n; ++i)
      std::copy_n(states + i * dimension_, dimension_, out + i * ld);
  }
  Var<float> operator()(const Var<float>& x) const override { return x; }
  Var<double> operator()(const Var<double>& x) const override { return x; }
  std::string kind() const override { return "identity"; }

 private:
  std::size_t dimension_;
};

class Concatenation final : public Features {
 public:
  explicit Concatenation(std::vector<FeaturesPtr> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_) size_ += part->size();
  }
  std::size_t dimension() const override { return parts_.front()->dimension(); }
  std::size_t size() const override { return size_; }
  std::string name() const override {
    std::string text;
    for (const auto& part : parts_) text += (text.empty() ? "" : " + ") + part->name();
    return text;
  }
  void evaluate(std::size_t n, const double* states, double* out, std::size_t ld) const override {
    for (const auto& part : parts_) {
      part->evaluate(n, states, out, ld);
      out += part->size();
    }
  }
  Var<float> operator()(const Var<float>& x) const override { return join(x); }
  Var<double> operator()(const Var<double>& x) const override { return join(x); }
  std::string kind() const override { return "concatenation"; }
  std::vector<FeaturesPtr> parts() const override { return parts_; }

 private:
  template <class T>
  Var<T> join(const Var<T>& x) const {
    std::vector<Var<T>> all;
    for (const auto& part : parts_) all.push_back((*part)(x));
    return concatenate(all, 1);
  }
  std::vector<FeaturesPtr> parts_;
  std::size_t size_ = 0;
};

}  // namespace

FeaturesPtr identity_features(std::size_t dimension) {
  if (dimension == 0)
    throw ArgumentError("identity features: the dimension is 0; must be positive");
  return std::make_shared<Identity>(dimension);
}

FeaturesPtr concatenated_features(std::vector<FeaturesPtr> parts) {
  if (parts.empty()) throw ArgumentError("features: nothing to concatenate");
  for (const auto& part : parts)
    if (part->dimension() != parts.front()->dimension())
      throw ArgumentError(fmt::format(
          "features: '{}' and '{}' are of states of {} and {} components", parts.front()->name(),
          part->name(), parts.front()->dimension(), part->dimension()));
  return parts.size() == 1 ? parts.front() : std::make_shared<Concatenation>(std::move(parts));
}

Tensor<double> evaluate(const Features& features, const Tensor<float>& states) {
  const std::size_t d = features.dimension();
  if (states.rank() != 2 || states.extent(1) != d)
    throw ShapeError(fmt::format("features: states have shape {}; must be [N, {}]",
                                 to_string(states.shape()), d));
  const std::size_t rows = states.extent(0), width = features.size();
  Tensor<double> out(Shape{rows, width});
  for_each_tile(rows, [&](std::size_t first, std::size_t n) {
    std::vector<double> x(states.data() + first * d, states.data() + (first + n) * d);
    features.evaluate(n, x.data(), out.data() + first * width, width);
  });
  return out;
}

}  // namespace papillon::inline surrogate
