// Derivatives of a graph, as values: nothing is stored in the parameters.
#pragma once

#include <vector>

#include "papillon/autograd/var.hpp"

namespace papillon {

// The derivatives below are with respect to Vars that require grad: parameters, or what was
// computed from them (ArgumentError for others). No result shares memory with another or with the
// graph, unless differentiable.

// d loss / d parameter for each parameter (zeros where loss does not depend on it). loss must have
// one element. The graph is walked once, without recursion, in reverse topological order. With
// differentiable = true the gradients carry a graph themselves, so they can be differentiated.
template <class T>
std::vector<Var<T>> gradient(const Var<T>& loss, const std::vector<Var<T>>& parameters,
                             bool differentiable = false);

// Jᵀ w for outputs of any shape: w has the shape of output.
template <class T>
std::vector<Var<T>> vjp(const Var<T>& output, const std::vector<Var<T>>& inputs, const Var<T>& w,
                        bool differentiable = false);

// J v: the tangent of output when inputs move along tangents (shapes of the inputs). The graph of
// output is walked forward, with each op's own jvp.
template <class T>
Var<T> jvp(const Var<T>& output, const std::vector<Var<T>>& inputs,
           const std::vector<Var<T>>& tangents, bool differentiable = false);

// The same for several outputs in one walk.
template <class T>
std::vector<Var<T>> jvp(const std::vector<Var<T>>& outputs, const std::vector<Var<T>>& inputs,
                        const std::vector<Var<T>>& tangents, bool differentiable = false);

// H v, forward over reverse: the jvp of the gradient.
template <class T>
std::vector<Var<T>> hessian_vector_product(const Var<T>& loss,
                                           const std::vector<Var<T>>& parameters,
                                           const std::vector<Var<T>>& tangents);

}  // namespace papillon
