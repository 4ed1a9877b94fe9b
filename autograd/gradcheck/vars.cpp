// Functions on Vars, and callbacks, as flat functions: one vector in, one out.
#include <algorithm>
#include <memory>

#include "papillon/autograd/gradcheck/gradcheck.hpp"
#include "papillon/autograd/ops.hpp"

namespace papillon {
namespace {

using Span = FlatFunction::Span;
using Values = FlatFunction::Values;

// f, and its derivatives by autograd, in precision T.
template <class T>
struct Flattened {
  VarFunction<T> f;
  std::vector<Shape> shapes;

  static Tensor<T> tensor(Span values, const Shape& shape) {
    Tensor<T> result(shape);
    if (values.size() != result.size())
      throw ShapeError("gradcheck: the output changed its size between two evaluations");
    std::transform(values.begin(), values.end(), result.begin(),
                   [](double v) { return static_cast<T>(v); });
    return result;
  }
  std::vector<Var<T>> split(Span x, bool parameters) const {
    std::vector<Var<T>> inputs;
    std::size_t offset = 0;
    for (const Shape& shape : shapes) {
      Tensor<T> part = tensor(x.subspan(offset, element_count(shape)), shape);
      offset += part.size();
      inputs.push_back(parameters ? Var<T>::parameter(std::move(part)) : Var<T>(std::move(part)));
    }
    return inputs;
  }
  static Values join(const std::vector<Var<T>>& parts) {
    Values all;
    for (const Var<T>& part : parts)
      all.insert(all.end(), part.value().begin(), part.value().end());
    return all;
  }

  Var<T> output(Span x) const {
    const NoGrad off;
    return f(split(x, false));
  }
  Values value(Span x) const { return join({output(x)}); }
  Values gradients(Span x, Span w) const {
    const auto inputs = split(x, true);
    const Var<T> y = f(inputs);
    return join(vjp<T>(y, inputs, tensor(w, y.shape())));
  }
  Values tangent(Span x, Span v) const {
    const auto inputs = split(x, true);
    return join({jvp(f(inputs), inputs, split(v, false))});
  }
  Values second(Span x, Span w, Span v) const {
    const auto inputs = split(x, true);
    const Var<T> y = f(inputs);
    const Var<T> weights = tensor(w, y.shape());
    return join(hessian_vector_product(sum(y * weights), inputs, split(v, false)));
  }
};

}  // namespace

GradcheckReport gradcheck_vars(const VarFunction<double>& f, const VarFunction<float>& single,
                               const std::vector<Tensor<double>>& inputs,
                               const GradcheckOptions& options) {
  FlatFunction flat;
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = i < options.input_names.size() ? options.input_names[i] : "";
    flat.inputs.push_back({name, inputs[i].shape(), flat.x.size()});
    flat.x.insert(flat.x.end(), inputs[i].begin(), inputs[i].end());
    shapes.push_back(inputs[i].shape());
  }
  const auto d = std::make_shared<Flattened<double>>(Flattened<double>{f, shapes});
  flat.output_shape = d->output(flat.x).shape();
  flat.value = [d](Span x) { return d->value(x); };
  flat.vjp = [d](Span x, Span w) { return d->gradients(x, w); };
  flat.jvp = [d](Span x, Span v) { return d->tangent(x, v); };
  if (options.second_order)
    flat.second = [d](Span x, Span w, Span v) { return d->second(x, w, v); };
  if (single) {
    const auto s = std::make_shared<Flattened<float>>(Flattened<float>{single, shapes});
    flat.single_value = [s](Span x) { return s->value(x); };
    flat.single_vjp = [s](Span x, Span w) { return s->gradients(x, w); };
  }
  return gradcheck_flat(std::move(flat), options);
}

GradcheckReport gradcheck_callbacks(const GradcheckCallbacks& callbacks, std::span<const double> x,
                                    const GradcheckOptions& options) {
  FlatFunction flat;
  flat.x.assign(x.begin(), x.end());
  flat.value = callbacks.forward;
  flat.vjp = callbacks.vjp;
  flat.jvp = callbacks.jvp;
  return gradcheck_flat(std::move(flat), options);
}

}  // namespace papillon
