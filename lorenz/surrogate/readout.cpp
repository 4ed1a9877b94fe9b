#include "papillon/lorenz/surrogate/readout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "papillon/nn/frozen.hpp"
#include "papillon/nn/internal/stored_state.hpp"

namespace papillon::inline surrogate {
namespace {

const std::string readout_prefix = "readout.";

PAPILLON_CLONES
void products(std::size_t n, std::size_t f, std::size_t d, const double* x, std::size_t ld,
              const double* weight, const double* offset, double* out) {
  constexpr std::size_t lanes = 16;
  for (std::size_t r = 0; r < n; ++r, x += ld)
    for (std::size_t k = 0; k < d; ++k) {
      const double* w = weight + k * f;
      double sums[lanes] = {};
      std::size_t j = 0;
      for (; j + lanes <= f; j += lanes)
        for (std::size_t l = 0; l < lanes; ++l) sums[l] += w[j + l] * x[j + l];
      for (; j < f; ++j) sums[0] += w[j] * x[j];
      double total = 0;
      for (const double s : sums) total += s;
      *out++ = offset[k] + total;
    }
}

class LinearReadout final : public Readout {
 public:
  LinearReadout(Tensor<double> weight, Tensor<double> offset)
      : weight_(std::move(weight)),
        offset_(std::move(offset)),
        single_(constant<float>()),
        double_(constant<double>()) {}

  std::size_t inputs() const override { return weight_.extent(1); }
  std::size_t outputs() const override { return weight_.extent(0); }
  std::size_t parameters() const override { return weight_.size() + offset_.size(); }
  std::string kind() const override { return "linear"; }

  void apply(std::size_t n, const double* features, std::size_t ld, double* out) const override {
    products(n, inputs(), outputs(), features, ld, weight_.data(), offset_.data(), out);
  }
  Var<float> operator()(const Var<float>& x) const override { return single_(x); }
  Var<double> operator()(const Var<double>& x) const override { return double_(x); }
  void save(SafetensorsFile& file) const override {
    file.add(readout_prefix + "weight", weight_);
    file.add(readout_prefix + "offset", offset_);
  }

 private:
  template <class T>
  Linear<T> constant() const {
    Linear<T> linear;
    linear.weight = cast<T>(weight_);
    linear.bias = cast<T>(offset_);
    linear.freeze();
    return linear;
  }

  Tensor<double> weight_, offset_;  // [D, F], [D]
  Linear<float> single_;
  Linear<double> double_;
};

template <class T>
Mlp<T> constant(const Mlp<float>& network) {
  std::vector<std::size_t> widths = {network.layers.front().weight.shape()[1]};
  for (const auto& layer : network.layers) widths.push_back(layer.weight.shape()[0]);
  return frozen(Mlp<T>(widths, {}, network.activation), network);
}
template <class T>
ResidualMlp<T> constant(const ResidualMlp<float>& network) {
  const Shape& in = network.input_projection.weight.shape();
  return frozen(ResidualMlp<T>(in[1], in[0], network.residual_layers.size(),
                               network.output_head.weight.shape()[0], {}),
                network);
}

template <template <class> class Network>
class NetworkReadout final : public Readout {
 public:
  NetworkReadout(const Network<float>& network, Standardisation units, std::size_t in,
                 std::size_t out, const char* kind)
      : single_(constant<float>(network)),
        double_(constant<double>(network)),
        units_(std::move(units)),
        inputs_(in),
        outputs_(out),
        kind_(kind) {}

  std::size_t inputs() const override { return inputs_; }
  std::size_t outputs() const override { return outputs_; }
  std::size_t parameters() const override { return count_parameters(single_); }
  std::string kind() const override { return kind_; }

  void apply(std::size_t n, const double* features, std::size_t ld, double* out) const override {
    Tensor<float> x(Shape{n, inputs_});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < inputs_; ++j) x(i, j) = static_cast<float>(features[i * ld + j]);
    const NoGrad guard;
    const Var<float> y = (*this)(Var<float>(std::move(x)));
    std::copy(y.value().begin(), y.value().end(), out);
  }
  Var<float> operator()(const Var<float>& x) const override { return single_(standardised(x)); }
  Var<double> operator()(const Var<double>& x) const override { return double_(standardised(x)); }
  Tensor<float> hidden(const Tensor<float>& x) const override {
    const NoGrad guard;
    return single_.features(standardised(Var<float>(x))).value();
  }

  void save(SafetensorsFile& file) const override {
    for (const auto& [name, tensor] : state_dict<float>(single_))
      file.add(readout_prefix + name, tensor);
    if (units_.centre.empty()) return;
    file.add(readout_prefix + "centre", units_.centre);
    file.add(readout_prefix + "scale", units_.scale);
  }

 private:
  template <class T>
  Var<T> standardised(const Var<T>& x) const {
    if (units_.centre.empty()) return x;
    return (x - Var<T>(cast<T>(units_.centre))) / Var<T>(cast<T>(units_.scale));
  }

  Network<float> single_;
  Network<double> double_;
  Standardisation units_;
  std::size_t inputs_, outputs_;
  const char* kind_;
};

void check_units(const Standardisation& units, std::size_t inputs) {
  const Shape shape = units.centre.empty() ? Shape{0} : Shape{inputs};
  if (units.centre.shape() != shape || units.scale.shape() != shape)
    throw ShapeError(fmt::format("readout: centre {} and scale {} for {} features",
                                 to_string(units.centre.shape()), to_string(units.scale.shape()),
                                 inputs));
  for (const double scale : units.scale)
    if (!(scale > 0))
      throw ArgumentError(fmt::format("readout: scale {}; must be positive", scale));
}

// Loads "readout.<name>" for each of the network's parameters.
template <class Network>
Network load_parameters(Network network, const SafetensorsFile& file) {
  load_state_dict<float>(network, file, readout_prefix);
  return network;
}

Shape matrix(const SafetensorsFile& file, const std::string& name) {
  const Shape& shape = file.entry(readout_prefix + name).shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0)
    throw InputError("tensor '" + (readout_prefix + name) + "' has shape " + to_string(shape) +
                     "; must be a matrix");
  return shape;
}

}  // namespace

Tensor<float> Readout::hidden(const Tensor<float>&) const {
  throw ArgumentError("readout: a " + kind() + " one has no hidden layer");
}

ReadoutPtr linear_readout(Tensor<double> weight, Tensor<double> offset) {
  if (weight.rank() != 2 || offset.shape() != Shape{weight.extent(0)})
    throw_shape_error("linear readout", weight.shape(), offset.shape(), "do not fit");
  return std::make_shared<LinearReadout>(std::move(weight), std::move(offset));
}

ReadoutPtr linear_readout(const RidgeFit& fit) {
  Tensor<double> offset = fit.offset;
  for (std::size_t k = 0; k < offset.size(); ++k)
    for (std::size_t j = 0; j < fit.centre.size(); ++j)
      offset[k] -= fit.weight(k, j) * fit.centre[j];
  return linear_readout(fit.weight, std::move(offset));
}

ReadoutPtr mlp_readout(const Mlp<float>& network, Standardisation units) {
  const std::size_t in = network.layers.front().weight.shape()[1],
                    out = network.layers.back().weight.shape()[0];
  check_units(units, in);
  return std::make_shared<NetworkReadout<Mlp>>(network, std::move(units), in, out, "mlp");
}

ReadoutPtr residual_readout(const ResidualMlp<float>& network, Standardisation units) {
  const std::size_t in = network.input_projection.weight.shape()[1],
                    out = network.output_head.weight.shape()[0];
  check_units(units, in);
  return std::make_shared<NetworkReadout<ResidualMlp>>(network, std::move(units), in, out,
                                                       "residual");
}

ReadoutPtr load_readout(const std::string& kind, const SafetensorsFile& file) {
  if (kind == "linear") {
    const Shape weight = matrix(file, "weight");
    const std::string offset = readout_prefix + "offset";
    if (file.entry(offset).shape != Shape{weight[0]})
      throw InputError("tensor '" + offset + "' has shape " + to_string(file.entry(offset).shape));
    return linear_readout(file.tensor<double>(readout_prefix + "weight"),
                          file.tensor<double>(offset));
  }
  Standardisation units;
  if (file.contains(readout_prefix + "centre") || file.contains(readout_prefix + "scale"))
    units = {file.tensor<double>(readout_prefix + "centre"),
             file.tensor<double>(readout_prefix + "scale")};
  if (kind == "mlp") {
    std::vector<std::size_t> widths = {matrix(file, "layers.0.weight")[1]};
    for (std::size_t l = 0; file.contains(fmt::format("{}layers.{}.weight", readout_prefix, l));
         ++l) {
      const Shape weight = matrix(file, fmt::format("layers.{}.weight", l));
      if (weight[1] != widths.back())
        throw InputError(fmt::format("tensor '{}layers.{}.weight' has shape {} after {} values",
                                     readout_prefix, l, to_string(weight), widths.back()));
      widths.push_back(weight[0]);
    }
    return mlp_readout(load_parameters(Mlp<float>(widths, {}), file), units);
  }
  if (kind == "residual") {
    const Shape in = matrix(file, "input_projection.weight");
    std::size_t blocks = 0;
    while (file.contains(fmt::format("{}residual_layers.{}.gamma", readout_prefix, blocks)))
      ++blocks;
    if (element_count(file) / in[0] < 2 * blocks * in[0])
      throw InputError("readout: the network's tensors do not fit together (too few elements)");
    return residual_readout(
        load_parameters(
            ResidualMlp<float>(in[1], in[0], blocks, matrix(file, "output_head.weight")[0], {}),
            file),
        units);
  }
  throw InputError("metadata 'readout' is '" + kind + "' (linear, mlp or residual)");
}

}  // namespace papillon::inline surrogate
