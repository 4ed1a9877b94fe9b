// The tangent-linear model and the adjoint of one step of RK4, by autograd.
#pragma once

#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/lorenz/schemes.hpp"

namespace papillon {

// The step as a graph, component by component: columns of any one shape, one for each component.
template <class T, System S>
std::vector<Var<T>> rk4_graph(const S& system, double dt, std::vector<Var<T>> columns) {
  const std::size_t n = system.dimension();
  std::vector<Var<T>> work(3 * n);
  rk4_step(system, dt, n, columns.data(), work.data());
  return columns;
}

// A step of many trajectories with its derivative. states: [N, D]; what is moved along is one
// column [N] a component inside, so a system's tendency is all that is needed.
template <class T>
struct StepGraph {
  std::vector<Var<T>> inputs;  // D leaves, [N] each
  Var<T> output;               // the new states, component by component: [D * N]
};

template <class T, System S>
StepGraph<T> step_graph(const S& system, double dt, const Tensor<T>& components) {
  const std::size_t n = system.dimension(), rows = components.extent(1);
  StepGraph<T> graph;
  for (std::size_t i = 0; i < n; ++i)
    graph.inputs.push_back(Var<T>::parameter(
        Tensor<T>(Shape{rows}, std::span<const T>(components.data() + i * rows, rows))));
  graph.output = concatenate(rk4_graph(system, dt, graph.inputs), 0);
  return graph;
}

}  // namespace papillon
