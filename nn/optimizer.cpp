#include "papillon/nn/optimizer.hpp"

#include <fmt/format.h>

#include <cmath>

#include "papillon/nn/internal/stored_state.hpp"

namespace papillon::detail {
namespace {

constexpr double most_steps = 0x1p48;

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
        "optimizer: 'step' is {} + {}; must be a whole number from 0 to 2^48, rounded, and the "
        "rest",
        high, rest));
  return static_cast<std::uint64_t>(steps);
}

}  // namespace

template <class T>
void check_gradients(const std::vector<Var<T>>& parameters, const std::vector<Var<T>>& gradients) {
  if (gradients.size() != parameters.size())
    throw ShapeError(fmt::format("optimizer: {} gradients for {} parameters", gradients.size(),
                                 parameters.size()));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (gradients[i].shape() != parameters[i].shape())
      throw_shape_error("optimizer", parameters[i].shape(), gradients[i].shape(),
                        "of a parameter and its gradient differ");
}

template <class T>
StateDict<T> optimizer_state(std::uint64_t step, std::span<const OptimizerBuffer> names,
                             const std::vector<std::vector<Tensor<T>>>& buffers) {
  StateDict<T> dict;
  dict.emplace_back("step", split_steps<T>(step));
  for (std::size_t i = 0; i < buffers.front().size(); ++i)
    for (std::size_t b = 0; b < names.size(); ++b)
      dict.emplace_back(fmt::format("{}.{}", i, names[b].name), buffers[b][i]);
  return dict;
}

template <class T>
std::uint64_t load_optimizer_state(const StateDict<T>& dict, std::uint64_t step,
                                   std::span<const OptimizerBuffer> names,
                                   std::vector<std::vector<Tensor<T>>>& buffers) {
  std::vector<std::pair<std::string, Shape>> expected, found;
  for (const auto& [name, tensor] : optimizer_state(step, names, buffers))
    expected.emplace_back(name, tensor.shape());
  for (const auto& [name, tensor] : dict) found.emplace_back(name, tensor.shape());
  check_state_dict(expected, found);
  std::uint64_t steps = 0;
  auto loaded = buffers;
  for (const auto& [name, tensor] : dict) {
    if (name == "step") steps = joined_steps(tensor);
    for (std::size_t b = 0; b < names.size(); ++b) {
      if (name.substr(name.find('.') + 1) != names[b].name) continue;
      check_values(name, tensor, names[b].lowest);
      loaded[b][std::stoul(name)] = tensor;  // "<number>.<buffer>", checked above
    }
  }
  buffers = std::move(loaded);
  return steps;
}

#define PAPILLON_INSTANTIATE(T)                                                          \
  template void check_gradients(const std::vector<Var<T>>&, const std::vector<Var<T>>&); \
  template StateDict<T> optimizer_state(std::uint64_t, std::span<const OptimizerBuffer>, \
                                        const std::vector<std::vector<Tensor<T>>>&);     \
  template std::uint64_t load_optimizer_state(const StateDict<T>&, std::uint64_t,        \
                                              std::span<const OptimizerBuffer>,          \
                                              std::vector<std::vector<Tensor<T>>>&);
PAPILLON_INSTANTIATE(float)
PAPILLON_INSTANTIATE(double)
#undef PAPILLON_INSTANTIATE

}  // namespace papillon::detail
