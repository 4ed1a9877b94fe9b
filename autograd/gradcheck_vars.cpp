// gradcheck's view of a function on Vars and of foreign callbacks: one flat vector in, one out.
#include <algorithm>
#include <memory>

#include "papillon/autograd/gradcheck.hpp"
#include "papillon/autograd/ops.hpp"

namespace papillon {
namespace {

using Span = FlatFunction::Span;
using Values = FlatFunction::Values;

// The flat function of f, evaluated in precision T.
template <class T>
struct Flattened {
  VarFunction<T> f;
  std::vector<Shape> shapes;

  std::vector<Var<T>> split(Span x, bool parameters) const {
    std::vector<Var<T>> inputs;
    std::size_t offset = 0;
    for (const Shape& shape : shapes) {
      Tensor<T> tensor(shape);
      for (T& element : tensor) element = static_cast<T>(x[offset++]);
      inputs.push_back(parameters ? Var<T>::parameter(std::move(tensor))
                                  : Var<T>(std::move(tensor)));
    }
    return inputs;
  }
  static Var<T> shaped(Span w, const Shape& shape) {
    Tensor<T> tensor(shape);
    if (w.size() != tensor.size()) {
      throw ShapeError("gradcheck: the output changed its size between two evaluations");
    }
    std::transform(w.begin(), w.end(), tensor.begin(), [](double v) { return static_cast<T>(v); });
    return Var<T>(std::move(tensor));
  }
  static Values join(const std::vector<Var<T>>& parts) {
    Values all;
    for (const Var<T>& part : parts)
      all.insert(all.end(), part.value().begin(), part.value().end());
    return all;
  }

  Values value(Span x) const {
    NoGrad off;
    return join({f(split(x, false))});
  }
  Values gradients(Span x, Span w) const {
    const auto inputs = split(x, true);
    const Var<T> y = f(inputs);
    return join(vjp(y, inputs, shaped(w, y.shape())));
  }
  Values tangent(Span x, Span v) const {
    const auto inputs = split(x, true);
    return join({jvp(f(inputs), inputs, split(v, false))});
  }
  Values second(Span x, Span w, Span v) const {
    const auto inputs = split(x, true);
    const Var<T> y = f(inputs);
    return join(hessian_vector_product(sum(y * shaped(w, y.shape())), inputs, split(v, false)));
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
  {
    NoGrad off;
    flat.output_shape = f(d->split(flat.x, false)).shape();
  }
  flat.value = [d](Span x) { return d->value(x); };
  flat.vjp = [d](Span x, Span w) { return d->gradients(x, w); };
  flat.jvp = [d](Span x, Span v) { return d->tangent(x, v); };
  if (options.second_order) {
    flat.second = [d](Span x, Span w, Span v) { return d->second(x, w, v); };
  }
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
