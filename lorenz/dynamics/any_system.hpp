// A dynamical system whose type is forgotten: what trajectories, forecasts and Lyapunov exponents
// hold. Any system converts to it.
#pragma once

#include <memory>
#include <vector>

#include "papillon/autograd/ops.hpp"
#include "papillon/lorenz/dynamics/tiles.hpp"

namespace papillon::inline dynamics {

class AnySystem {
 public:
  // Converts from any system; copies share one copy of it.
  template <System S>
  AnySystem(const S& system) : system_(std::make_shared<Typed<S>>(system)) {}  // NOLINT: converts

  // Number of components of a state.
  std::size_t dimension() const { return system_->dimension(); }
  // As advance_tile() (tiles.hpp), in single or double precision.
  void advance(const Steps& steps, float* tile, float* record) const {
    system_->advance(steps, tile, record);
  }
  // The same in double precision.
  void advance(const Steps& steps, double* tile, double* record) const {
    system_->advance(steps, tile, record);
  }
  // One step as a graph: columns [N], one for each component, become those of the step's result.
  void advance(const Scheme& scheme, double dt, std::vector<Var<double>>& columns) const {
    system_->advance(scheme, dt, columns);
  }

 private:
  struct Untyped {
    virtual ~Untyped() = default;
    virtual std::size_t dimension() const = 0;
    virtual void advance(const Steps& steps, float* tile, float* record) const = 0;
    virtual void advance(const Steps& steps, double* tile, double* record) const = 0;
    virtual void advance(const Scheme& scheme, double dt,
                         std::vector<Var<double>>& columns) const = 0;
  };
  template <System S>
  struct Typed final : Untyped {
    explicit Typed(const S& s) : system(s) {}
    std::size_t dimension() const override { return system.dimension(); }
    void advance(const Steps& steps, float* tile, float* record) const override {
      advance_tile(system, steps, tile, record);
    }
    void advance(const Steps& steps, double* tile, double* record) const override {
      advance_tile(system, steps, tile, record);
    }
    void advance(const Scheme& scheme, double dt,
                 std::vector<Var<double>>& columns) const override {
      std::vector<Var<double>> work(3 * columns.size());
      step(scheme, system, dt, columns.size(), columns.data(), work.data());
    }
    S system;
  };

  std::shared_ptr<const Untyped> system_;
};

}  // namespace papillon::inline dynamics
