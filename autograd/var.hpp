// Var<T>: a tensor with the graph of ops that computed it, from which derivatives are taken.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "papillon/tensor/tensor.hpp"

namespace papillon {

template <class T>
class Var;

// A node of the graph: the result of an op, its inputs, and (in a derived class) its two
// derivatives. Made by make_op in op.hpp.
template <class T>
class Node : public std::enable_shared_from_this<Node<T>> {
 public:
  // needs: whether gradients are taken with respect to it.
  explicit Node(Tensor<T> v, bool needs = false);
  // Not recursive: a chain of any length can be destroyed.
  virtual ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // The vector-Jacobian product: from the gradient of the output, one gradient for each input (an
  // undefined Var where none is needed; a gradient of the broadcast shape is summed by the caller).
  virtual std::vector<Var<T>> vjp(const Var<T>& gradient) const;
  // The Jacobian-vector product: from one tangent for each input (undefined: zero) the output's.
  virtual Var<T> jvp(std::span<const Var<T>> tangents) const;
  virtual const char* op() const { return "leaf"; }
  // The Var of this node, for derivatives that are best written in terms of the op's own result.
  Var<T> output() const { return Var<T>(std::const_pointer_cast<Node>(this->shared_from_this())); }

  Tensor<T> value;             // of the op
  bool requires_grad = false;  // whether an input, or the leaf itself, needs a gradient
  std::vector<Var<T>> inputs;  // empty for a leaf
};

// A handle: copies share the node. Nodes are immutable (but a parameter's owner may change its
// value between graphs), so threads may build graphs on the same parameters.
template <class T>
class Var {
 public:
  Var() = default;  // undefined
  // A constant: no gradient flows to it.
  Var(Tensor<T> value);  // NOLINT(google-explicit-constructor)
  // A number, of shape [].
  Var(T value);  // NOLINT(google-explicit-constructor)
  explicit Var(std::shared_ptr<Node<T>> node) : node_(std::move(node)) {}
  // A leaf that gradients can be taken with respect to.
  static Var parameter(Tensor<T> value);

  // Whether there is a node.
  bool defined() const { return node_ != nullptr; }
  explicit operator bool() const { return defined(); }
  // What follows throws ArgumentError for an undefined Var.
  const Tensor<T>& value() const { return defined_node().value; }
  // For the owner of a parameter (optimiser, checkpoint); only while no graph uses it.
  Tensor<T>& mutable_value() { return defined_node().value; }
  const Shape& shape() const { return value().shape(); }
  bool requires_grad() const { return node_ && node_->requires_grad; }
  T item() const { return value().item(); }
  // The same value, without its graph.
  Var detach() const { return Var(value()); }

  // The node, null if undefined.
  Node<T>* node() const { return node_.get(); }
  std::shared_ptr<Node<T>>& handle() { return node_; }

 private:
  Node<T>& defined_node() const {
    if (!node_) throw ArgumentError("Var: used while undefined; give it a value first");
    return *node_;
  }

  std::shared_ptr<Node<T>> node_;
};

// During its lifetime ops on this thread record no graph (thread-local; may be nested).
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};
// Whether none lives on this thread.
bool grad_enabled();

// During its lifetime this thread computes derivatives, in which a factor of zero wins: 0 · ∞ and
// 0 · NaN are 0 (docs/decisions/0007). gradient(), vjp() and jvp() hold one (thread-local; may be
// nested).
class ZeroWins {
 public:
  ZeroWins();
  ~ZeroWins();
  ZeroWins(const ZeroWins&) = delete;
  ZeroWins& operator=(const ZeroWins&) = delete;

 private:
  bool before_;
};
// Whether one lives on this thread.
bool zero_wins();

// The number of live nodes of all threads: for tests and for finding leaks.
std::int64_t live_nodes();

extern template class Node<float>;
extern template class Node<double>;
extern template class Var<float>;
extern template class Var<double>;

}  // namespace papillon
