#include "papillon/lorenz/dynamics/tangent_linear.hpp"

namespace papillon::inline dynamics {

StepGraph step_graph(const AnySystem& system, double dt, const Tensor<double>& components) {
  const std::size_t n = system.dimension(), rows = components.extent(1);
  StepGraph graph;
  for (std::size_t i = 0; i < n; ++i)
    graph.inputs.push_back(Var<double>::parameter(
        Tensor<double>(Shape{rows}, std::span<const double>(components.data() + i * rows, rows))));
  std::vector<Var<double>> columns = graph.inputs;
  system.advance(Scheme::rk4, dt, columns);
  graph.output = concatenate(columns, 0);
  return graph;
}

}  // namespace papillon::inline dynamics
