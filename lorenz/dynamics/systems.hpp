// The dynamical systems that are chosen by name.
#pragma once

#include "papillon/lorenz/dynamics/any_system.hpp"
#include "papillon/tensor/registry.hpp"

namespace papillon::inline dynamics {

struct NamedSystem {
  AnySystem system;
  double dt;  // the time step that the literature uses with RK4
};
using SystemRegistry = Registry<NamedSystem()>;

// Those of the library. To add one: its file, and a line in systems.cpp; or add() to a copy.
const SystemRegistry& systems();

}  // namespace papillon::inline dynamics
