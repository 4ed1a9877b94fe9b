#include "papillon/autograd/var.hpp"

#include <atomic>

namespace papillon {
namespace {
std::atomic<std::int64_t> live{0};
thread_local bool recording = true, absorbing = false;
// Nodes that the outermost destructor of a node on this thread still has to destroy.
template <class T>
thread_local std::vector<Var<T>>* pending = nullptr;
}  // namespace

template <class T>
Node<T>::Node(Tensor<T> v, bool needs) : value(std::move(v)), requires_grad(needs) {
  live.fetch_add(1, std::memory_order_relaxed);
}

template <class T>
Node<T>::~Node() {
  live.fetch_sub(1, std::memory_order_relaxed);
  if (inputs.empty()) return;
  // The outermost destructor on this thread owns the list; nested destructors only add to it.
  if (pending<T>) {
    for (Var<T>& input : inputs) pending<T>->push_back(std::move(input));
    return;
  }
  std::vector<Var<T>> list = std::move(inputs);
  pending<T> = &list;
  while (!list.empty()) {
    const Var<T> last = std::move(list.back());
    list.pop_back();
  }
  pending<T> = nullptr;
}

template <class T>
std::vector<Var<T>> Node<T>::vjp(const Var<T>&) const {
  return {};
}

template <class T>
Var<T> Node<T>::jvp(std::span<const Var<T>>) const {
  return {};
}

template <class T>
Var<T>::Var(Tensor<T> value)
    : node_(std::allocate_shared<Node<T>>(RecyclingAllocator<Node<T>>(), std::move(value))) {}

template <class T>
Var<T>::Var(T value) : Var(Tensor<T>::scalar(value)) {}

template <class T>
Var<T> Var<T>::parameter(Tensor<T> value) {
  return Var(std::allocate_shared<Node<T>>(RecyclingAllocator<Node<T>>(), std::move(value), true));
}

NoGrad::NoGrad() : before_(recording) {
  recording = false;
}
NoGrad::~NoGrad() {
  recording = before_;
}
bool grad_enabled() {
  return recording;
}

ZeroWins::ZeroWins() : before_(absorbing) {
  absorbing = true;
}
ZeroWins::~ZeroWins() {
  absorbing = before_;
}
bool zero_wins() {
  return absorbing;
}

std::int64_t live_nodes() {
  return live.load(std::memory_order_relaxed);
}

template class Node<float>;
template class Node<double>;
template class Var<float>;
template class Var<double>;

}  // namespace papillon
