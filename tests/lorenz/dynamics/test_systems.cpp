// Systems that are chosen by name, one of them from outside the library.
#include <algorithm>

#include "catch.hpp"
#include "papillon/lorenz/dynamics/integrate.hpp"
#include "papillon/lorenz/dynamics/systems.hpp"

using namespace papillon;

namespace {

// The system of docs/adding-a-system.md.
struct Roessler {
  double a = 0.2, b = 0.2, c = 5.7;

  static constexpr std::size_t dimension() { return 3; }

  template <class Self, class Visit>
  static void options(Self& self, Visit&& visit) {
    visit("a", self.a, {"growth of the spiral", closed(-1e6, 1e6), Role::paired});
    visit("b", self.b, {"source of z", closed(-1e6, 1e6), Role::paired});
    visit("c", self.c, {"x above which z grows", closed(-1e6, 1e6), Role::paired});
  }

  template <class V>
  PAPILLON_INLINE void tendency(const V* x, V* dxdt) const {
    dxdt[0] = V(-1.0) * (x[1] + x[2]);
    dxdt[1] = x[0] + V(a) * x[1];
    dxdt[2] = V(b) + x[2] * (x[0] - V(c));
  }
};

}  // namespace

TEST_CASE("a system of a program's own is chosen by name, with its options", "[lorenz]") {
  SystemRegistry registry = systems();
  registry.add<Roessler>("roessler", [](const Roessler& s) { return NamedSystem{s, 0.05}; });

  Choice<NamedSystem()> system(registry, "system", "dynamical system", "lorenz63");
  std::vector<Option> list;
  append_options(list, system);
  const auto assign = [&](const std::string& name, const std::string& text) {
    for (Option& option : list)
      if (option.name == name) option.assign({text});
  };
  assign("system", "roessler");
  assign("c", "9");
  const NamedSystem roessler = system.make();
  CHECK(roessler.dt == 0.05);
  REQUIRE(roessler.system.dimension() == 3);

  Tensor<double> by_name = Tensor<double>::matrix({{1, 2, 3}, {4, 5, 6}}), direct = by_name;
  integrate(roessler.system, Scheme::rk4, 0.01, 100, by_name);
  integrate(Roessler{0.2, 0.2, 9}, Scheme::rk4, 0.01, 100, direct);
  CHECK(std::equal(by_name.begin(), by_name.end(), direct.begin()));
  CHECK(std::none_of(list.begin(), list.end(), [](const Option& o) {
    return o.name == "rho" && o.is_used();  // of Lorenz-63
  }));
}

TEST_CASE("the library's systems have the defaults of their papers", "[lorenz]") {
  for (const auto& [name, dimension, dt] : {std::tuple{"lorenz63", std::size_t{3}, 0.01},
                                            std::tuple{"lorenz96", std::size_t{40}, 0.05}}) {
    const NamedSystem system =
        Choice<NamedSystem()>(systems(), "system", "dynamical system", name).make();
    CHECK(system.system.dimension() == dimension);
    CHECK(system.dt == dt);
  }
}
