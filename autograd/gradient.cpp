#include "papillon/autograd/gradient.hpp"

#include <optional>
#include <string>
#include <unordered_map>

#include "papillon/autograd/op.hpp"
#include "papillon/tensor/elementwise.hpp"

namespace papillon {
namespace {

// The nodes that the outputs depend on and that require grad, in topological order (inputs first).
// Each has a slot for a Var: its gradient, or its tangent.
template <class T>
class Graph {
 public:
  explicit Graph(const std::vector<Var<T>>& outputs) {
    for (const Var<T>& output : outputs) visit(output.node());
    slots.resize(order.size());
  }

  // The slot of a node, or null if the outputs do not depend on it.
  Var<T>* slot(const Node<T>* node) {
    const auto found = index_.find(node);
    return found == index_.end() ? nullptr : &slots[found->second];
  }

  std::vector<const Node<T>*> order;
  std::vector<Var<T>> slots;

 private:
  // Depth first with an explicit stack: graphs may be deeper than the thread's stack. Each node is
  // entered once, however many paths lead to it.
  void visit(const Node<T>* root) {
    if (!root || !root->requires_grad || !index_.try_emplace(root, 0).second) return;
    std::vector<std::pair<const Node<T>*, std::size_t>> stack{{root, 0}};
    while (!stack.empty()) {
      auto& [node, next] = stack.back();
      if (next == node->inputs.size()) {
        index_[node] = order.size();
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      const Node<T>* input = node->inputs[next++].node();
      if (input && input->requires_grad && index_.try_emplace(input, 0).second)
        stack.emplace_back(input, 0);
    }
  }

  std::unordered_map<const Node<T>*, std::size_t> index_;
};

template <class T>
void check_inputs(const std::vector<Var<T>>& inputs, const char* function) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].requires_grad())
      throw ArgumentError(std::string(function) + ": input " + std::to_string(i) +
                          " does not require grad; make it with Var::parameter");
}

// total += part, in place where nothing else refers to total.
template <class T>
void accumulate(Var<T>& total, Var<T> part) {
  if (!total) {
    total = std::move(part);
  } else if (!grad_enabled() && total.handle().use_count() == 1) {
    axpy(T(1), part.value(), total.mutable_value());
  } else {
    total = add(total, part);
  }
}

// Whether an output depends on one of the inputs by way of this node, for each node in order.
template <class T>
std::vector<bool> lies_on_a_path(Graph<T>& graph, const std::vector<Var<T>>& inputs) {
  std::vector<bool> result(graph.order.size());
  for (const Var<T>& input : inputs)
    if (Var<T>* slot = graph.slot(input.node())) result[slot - graph.slots.data()] = true;
  for (std::size_t i = 0; i < graph.order.size(); ++i)
    for (const Var<T>& input : graph.order[i]->inputs)
      if (Var<T>* slot = graph.slot(input.node()))
        result[i] = result[i] || result[slot - graph.slots.data()];
  return result;
}

}  // namespace

template <class T>
std::vector<Var<T>> vjp(const Var<T>& output, const std::vector<Var<T>>& inputs, const Var<T>& w,
                        bool differentiable) {
  check_inputs(inputs, "vjp");
  if (w.shape() != output.shape())
    throw_shape_error("vjp", output.shape(), w.shape(), "w must have the shape of the output");
  std::optional<NoGrad> off;
  if (!differentiable) off.emplace();
  const ZeroWins factor;

  Graph<T> graph({output});
  const std::vector<bool> wanted = lies_on_a_path(graph, inputs);
  std::unordered_map<const Node<T>*, Var<T>> found;
  for (const Var<T>& input : inputs) found[input.node()];

  if (Var<T>* last = graph.slot(output.node())) *last = w;
  for (std::size_t i = graph.order.size(); i-- > 0;) {
    const Node<T>& node = *graph.order[i];
    const Var<T> g = std::move(graph.slots[i]);
    if (!g || !wanted[i]) continue;
    if (const auto target = found.find(&node); target != found.end()) target->second = g;
    if (node.inputs.empty()) continue;
    std::vector<Var<T>> parts = node.vjp(g);
    if (parts.size() != node.inputs.size())
      throw ArgumentError(std::string(node.op()) + ": its vjp returned " +
                          std::to_string(parts.size()) + " gradients for " +
                          std::to_string(node.inputs.size()) + " inputs; one each is right");
    for (std::size_t k = 0; k < parts.size(); ++k) {
      Var<T>* slot = graph.slot(node.inputs[k].node());
      if (!slot || !parts[k] || !wanted[slot - graph.slots.data()]) continue;
      // The one place where broadcasting is undone.
      const Shape& shape = node.inputs[k].shape();
      if (parts[k].shape() != shape) parts[k] = sum_to(parts[k], shape);
      accumulate(*slot, std::move(parts[k]));
    }
  }

  std::vector<Var<T>> result;
  result.reserve(inputs.size());
  for (const Var<T>& input : inputs) {
    Var<T>& g = found[input.node()];
    if (!g) g = Var<T>(Tensor<T>::zeros(input.shape()));
    result.push_back(g);
  }
  found.clear();
  // Results may share a node; copied, so that callers can modify each in place.
  if (!differentiable)
    for (Var<T>& g : result)
      if (g.handle().use_count() > 1) g = g.detach();
  return result;
}

template <class T>
std::vector<Var<T>> gradient(const Var<T>& loss, const std::vector<Var<T>>& parameters,
                             bool differentiable) {
  if (loss.value().size() != 1)
    throw ShapeError("gradient: loss has shape " + to_string(loss.shape()) +
                     "; it must have one element (take its sum or mean)");
  check_inputs(parameters, "gradient");
  return vjp(loss, parameters, Var<T>(Tensor<T>::ones(loss.shape())), differentiable);
}

template <class T>
std::vector<Var<T>> jvp(const std::vector<Var<T>>& outputs, const std::vector<Var<T>>& inputs,
                        const std::vector<Var<T>>& tangents, bool differentiable) {
  check_inputs(inputs, "jvp");
  if (inputs.size() != tangents.size())
    throw ArgumentError("jvp: " + std::to_string(inputs.size()) + " inputs but " +
                        std::to_string(tangents.size()) + " tangents; one each is right");
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].shape() != tangents[i].shape())
      throw_shape_error("jvp", inputs[i].shape(), tangents[i].shape(),
                        "a tangent must have the shape of its input");
  std::optional<NoGrad> off;
  if (!differentiable) off.emplace();
  const ZeroWins factor;

  Graph<T> graph(outputs);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (Var<T>* slot = graph.slot(inputs[i].node())) *slot = sum_of_defined(*slot, tangents[i]);
  std::vector<Var<T>> of_inputs;
  for (std::size_t i = 0; i < graph.order.size(); ++i) {
    const Node<T>& node = *graph.order[i];
    of_inputs.clear();
    bool moves = false;
    for (const Var<T>& input : node.inputs) {
      const Var<T>* slot = graph.slot(input.node());
      of_inputs.push_back(slot ? *slot : Var<T>());
      moves = moves || of_inputs.back();
    }
    if (!moves) continue;
    Var<T> tangent = node.jvp(of_inputs);
    if (!tangent) continue;
    // The one place where a tangent is broadcast.
    if (tangent.shape() != node.value.shape()) tangent = broadcast_to(tangent, node.value.shape());
    graph.slots[i] = sum_of_defined(graph.slots[i], tangent);
  }

  std::vector<Var<T>> result;
  for (const Var<T>& output : outputs) {
    const Var<T>* slot = graph.slot(output.node());
    if (slot && *slot) {
      result.push_back(differentiable ? *slot : slot->detach());
    } else {
      result.push_back(Var<T>(Tensor<T>::zeros(output.shape())));
    }
  }
  return result;
}

template <class T>
Var<T> jvp(const Var<T>& output, const std::vector<Var<T>>& inputs,
           const std::vector<Var<T>>& tangents, bool differentiable) {
  return jvp(std::vector<Var<T>>{output}, inputs, tangents, differentiable)[0];
}

template <class T>
std::vector<Var<T>> hessian_vector_product(const Var<T>& loss,
                                           const std::vector<Var<T>>& parameters,
                                           const std::vector<Var<T>>& tangents) {
  return jvp(gradient(loss, parameters, true), parameters, tangents);
}

#define PAPILLON_INSTANTIATE(T)                                                                  \
  template std::vector<Var<T>> gradient(const Var<T>&, const std::vector<Var<T>>&, bool);        \
  template std::vector<Var<T>> vjp(const Var<T>&, const std::vector<Var<T>>&, const Var<T>&,     \
                                   bool);                                                        \
  template Var<T> jvp(const Var<T>&, const std::vector<Var<T>>&, const std::vector<Var<T>>&,     \
                      bool);                                                                     \
  template std::vector<Var<T>> jvp(const std::vector<Var<T>>&, const std::vector<Var<T>>&,       \
                                   const std::vector<Var<T>>&, bool);                            \
  template std::vector<Var<T>> hessian_vector_product(const Var<T>&, const std::vector<Var<T>>&, \
                                                      const std::vector<Var<T>>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon
