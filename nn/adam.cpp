#include "papillon/nn/adam.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string>

#include "papillon/nn/stored_state.hpp"

namespace papillon {
namespace {

constexpr double most_steps = 0x1p48;

template <class T>
struct Coefficients {
  T beta1, beta2, one_minus_beta1, one_minus_beta2, rate, inverse_sqrt_correction2, epsilon, shrink;
};

template <class T>
PAPILLON_INLINE void update(std::size_t n, T* p_, const T* g_, T* m_, T* v_, Coefficients<T> c) {
  T* __restrict p = p_;
  const T* __restrict g = g_;
  T* __restrict m = m_;
  T* __restrict v = v_;
  for (std::size_t i = 0; i < n; ++i) {
    m[i] = c.beta1 * m[i] + c.one_minus_beta1 * g[i];
    v[i] = c.beta2 * v[i] + c.one_minus_beta2 * g[i] * g[i];
    p[i] = p[i] * c.shrink -
           c.rate * m[i] / (std::sqrt(v[i]) * c.inverse_sqrt_correction2 + c.epsilon);
  }
}

PAPILLON_CLONES void update_all(std::size_t n, float* p, const float* g, float* m, float* v,
                                Coefficients<float> c) {
  update(n, p, g, m, v, c);
}
PAPILLON_CLONES void update_all(std::size_t n, double* p, const double* g, double* m, double* v,
                                Coefficients<double> c) {
  update(n, p, g, m, v, c);
}

// A number of steps as two numbers of the parameters' precision, each whole, of which the first is
// the sum rounded to that precision: exact up to 2^48 for float, where one number ends at 2^24.
template <class T>
Tensor<T> split_steps(std::uint64_t steps) {
  const T high = static_cast<T>(steps);
  const auto rest = static_cast<std::int64_t>(steps) - static_cast<std::int64_t>(high);
  return Tensor<T>::vector({high, static_cast<T>(rest)});
}

template <class T>
std::uint64_t joined_steps(const Tensor<T>& parts) {
  const auto high = static_cast<double>(parts[0]), rest = static_cast<double>(parts[1]),
             steps = high + rest;
  // Written so that NaN fails too.
  if (!(high >= 0 && steps >= 0 && steps <= most_steps) || steps != std::trunc(steps) ||
      rest != std::trunc(rest) || static_cast<T>(steps) != parts[0])
    throw InputError(fmt::format(
        "Adam: 'step' is {} + {}; must be a whole number from 0 to 2^48, rounded, and the rest",
        high, rest));
  return static_cast<std::uint64_t>(steps);
}

}  // namespace

template <class T>
void adam_update(std::span<T> p, std::span<const T> g, std::span<T> m, std::span<T> v,
                 std::uint64_t step, const AdamOptions& o) {
  if (g.size() != p.size() || m.size() != p.size() || v.size() != p.size())
    throw ShapeError(fmt::format("adam_update: {} parameters, {} gradients, {} and {} moments",
                                 p.size(), g.size(), m.size(), v.size()));
  if (step == 0) throw ArgumentError("adam_update: steps count from 1");
  const double correction1 = 1 - std::pow(o.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(o.beta2, static_cast<double>(step));
  const Coefficients<T> c{static_cast<T>(o.beta1),
                          static_cast<T>(o.beta2),
                          static_cast<T>(1 - o.beta1),
                          static_cast<T>(1 - o.beta2),
                          static_cast<T>(o.learning_rate / correction1),
                          static_cast<T>(1 / std::sqrt(correction2)),
                          static_cast<T>(o.epsilon),
                          static_cast<T>(1 - o.learning_rate * o.weight_decay)};
  update_all(p.size(), p.data(), g.data(), m.data(), v.data(), c);
}

template <class T>
Adam<T>::Adam(std::vector<Var<T>> parameters, AdamOptions o)
    : options(o), parameters_(std::move(parameters)) {
  for (const auto& p : parameters_) {
    first_.push_back(Tensor<T>::zeros(p.shape()));
    second_.push_back(Tensor<T>::zeros(p.shape()));
  }
}

template <class T>
void Adam<T>::step(const std::vector<Var<T>>& gradients) {
  if (gradients.size() != parameters_.size())
    throw ShapeError(
        fmt::format("Adam: {} gradients for {} parameters", gradients.size(), parameters_.size()));
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (gradients[i].shape() != parameters_[i].shape())
      throw_shape_error("Adam", parameters_[i].shape(), gradients[i].shape(),
                        "of a parameter and its gradient differ");
  ++step_;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    adam_update<T>(parameters_[i].mutable_value().span(), gradients[i].value().span(),
                   first_[i].span(), second_[i].span(), step_, options);
}

template <class T>
StateDict<T> Adam<T>::state() const {
  StateDict<T> dict;
  dict.emplace_back("step", split_steps<T>(step_));
  for (std::size_t i = 0; i < first_.size(); ++i) {
    dict.emplace_back(fmt::format("{}.first_moment", i), first_[i]);
    dict.emplace_back(fmt::format("{}.second_moment", i), second_[i]);
  }
  return dict;
}

template <class T>
void Adam<T>::load_state(const StateDict<T>& dict) {
  std::vector<std::pair<std::string, Shape>> wanted, given;
  for (const auto& [name, tensor] : state()) wanted.emplace_back(name, tensor.shape());
  for (const auto& [name, tensor] : dict) given.emplace_back(name, tensor.shape());
  detail::check_state_dict(wanted, given);
  std::uint64_t steps = 0;
  std::vector<Tensor<T>> first = first_, second = second_;
  for (const auto& [name, tensor] : dict) {
    if (name == "step") {
      steps = joined_steps(tensor);
      continue;
    }
    const bool squares = name.ends_with("second_moment");
    check_values(name, tensor, squares ? 0 : -std::numeric_limits<double>::infinity());
    (squares ? second : first)[std::stoul(name)] = tensor;  // "<number>.<moment>", checked above
  }
  step_ = steps;
  first_ = std::move(first);
  second_ = std::move(second);
}

template class Adam<float>;
template class Adam<double>;
template void adam_update(std::span<float>, std::span<const float>, std::span<float>,
                          std::span<float>, std::uint64_t, const AdamOptions&);
template void adam_update(std::span<double>, std::span<const double>, std::span<double>,
                          std::span<double>, std::uint64_t, const AdamOptions&);

}  // namespace papillon
