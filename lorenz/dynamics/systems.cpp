#include "papillon/lorenz/dynamics/systems.hpp"

namespace papillon::inline dynamics {

const SystemRegistry& systems() {
  static const SystemRegistry registry = [] {
    SystemRegistry all;
    all.add<Lorenz63>("lorenz63", [](const Lorenz63& s) { return NamedSystem{s, 0.01}; });
    all.add<Lorenz96>("lorenz96", [](const Lorenz96& s) { return NamedSystem{s, 0.05}; });
    return all;
  }();
  return registry;
}

}  // namespace papillon::inline dynamics
