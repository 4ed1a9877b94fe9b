// The dynamical systems that are chosen by name.
#pragma once

#include "papillon/lorenz/dynamics/any_system.hpp"
#include "papillon/tensor/registry.hpp"

namespace papillon::inline dynamics {

// A system and the time step that the literature uses for it with RK4.
struct NamedSystem {
  AnySystem system;
  double dt;
};
// Systems by name, each with its parameters as options.
using SystemRegistry = Registry<NamedSystem()>;

// Those of the library. To add one: its file, and a line in systems.cpp; or add() to a copy.
const SystemRegistry& systems();

}  // namespace papillon::inline dynamics
