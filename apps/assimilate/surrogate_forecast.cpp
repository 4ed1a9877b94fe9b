#include "papillon/apps/assimilate/surrogate_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

class SurrogateForecast final : public ForecastModel {
 public:
  SurrogateForecast(std::shared_ptr<const Surrogate> surrogate, std::size_t steps)
      : surrogate_(std::move(surrogate)), steps_(steps) {}

  std::size_t dimension() const override { return surrogate_->dimension(); }
  bool batched() const override { return true; }
  bool differentiable() const override { return true; }
  std::string description() const override {
    return fmt::format("surrogate of {} components, step {}", dimension(), surrogate_->time_step());
  }

  void advance(Rows states, std::size_t steps) const override {
    Tensor<double> x(Shape{states.count, states.width}, {states.data, states.size()});
    for (std::size_t n = own_steps(steps); n > 0; --n) x = surrogate_->step(x);
    std::copy_n(x.data(), x.size(), states.data);
  }
  Var<double> graph(const Var<double>& states, std::size_t steps) const override {
    Var<double> x = states;
    for (std::size_t n = own_steps(steps); n > 0; --n) x = surrogate_->step(x);
    return x;
  }

 private:
  std::size_t own_steps(std::size_t steps) const {
    if (steps % steps_ != 0)
      throw ArgumentError(fmt::format(
          "the surrogate goes {0} steps of the system at once, and {1} are asked for: --interval, "
          "--along-window-every and --noise-every should be multiples of {0}",
          steps_, steps));
    return steps / steps_;
  }

  std::shared_ptr<const Surrogate> surrogate_;
  std::size_t steps_;  // of the system in one of the surrogate
};

}  // namespace

ModelPointer surrogate_forecast(std::shared_ptr<const Surrogate> surrogate, double dt,
                                const std::string& file) {
  const double ratio = surrogate->time_step() / dt;
  const double steps = std::round(ratio);
  if (!(steps >= 1) || std::abs(ratio - steps) > 1e-6 * steps)
    throw InputError(fmt::format("{}: steps by {}, which is no multiple of --dt {}", file,
                                 surrogate->time_step(), dt));
  return std::make_shared<SurrogateForecast>(std::move(surrogate), static_cast<std::size_t>(steps));
}

}  // namespace papillon::apps
