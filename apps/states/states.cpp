#include "papillon/apps/states/states.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "papillon/apps/command.hpp"
#include "papillon/tensor/errors.hpp"
#include "papillon/tensor/npy.hpp"

namespace papillon::apps {
namespace {

// Members lie outermost in the file and arrive innermost: the array is put together in memory.
class NpyStateWriter : public StateWriter {
 public:
  NpyStateWriter(const std::filesystem::path& path, const StateLayout& layout)
      : path_(path), layout_(layout) {
    states_ = Tensor<float>(Shape{layout.members, layout.times, layout.dimension});
  }

  void write(const Tensor<float>& states, std::size_t first_time) override {
    const std::size_t n = states.extent(1), d = layout_.dimension;
    for (std::size_t m = 0; m < layout_.members; ++m)
      std::memcpy(states_.data() + (m * layout_.times + first_time) * d, states.data() + m * n * d,
                  n * d * sizeof(float));
  }

  void commit() override { write_npy(path_, states_); }

 private:
  std::filesystem::path path_;
  StateLayout layout_;
  Tensor<float> states_;
};

States read_npy_states(const std::filesystem::path& path) {
  States states;
  Tensor<float> array = read_npy<float>(path);
  if (array.rank() != 2 && array.rank() != 3)
    throw InputError(
        fmt::format("{}: has shape {}; states are [states, component] or [member, "
                    "time, component]",
                    path.string(), to_string(array.shape())));
  StateLayout& layout = states.layout;
  layout.members = array.extent(0);
  layout.times = array.rank() == 3 ? array.extent(1) : 1;
  layout.dimension = array.extent(-1);
  const auto rows = static_cast<std::ptrdiff_t>(layout.members * layout.times);
  states.values = std::move(array).reshaped({rows, static_cast<std::ptrdiff_t>(layout.dimension)});
  return states;
}

}  // namespace

std::size_t StateLayout::block_times() const {
  return std::clamp<std::size_t>(
      (std::size_t{1} << 22) / std::max<std::size_t>(1, members * dimension), 1,
      std::max<std::size_t>(1, times));
}

std::string StateLayout::component(std::size_t i) const {
  if (i < names.size()) return names[i];
  if (dimension <= 3) return std::string(1, "xyz"[i]);
  return fmt::format("x{}", i + 1);
}

void check_state_extension(const std::filesystem::path& path) {
  if (path.extension() != ".nc" && path.extension() != ".npy")
    throw UsageError(fmt::format("'{}': a file of states ends in .nc or .npy", path.string()));
}

void check_state_file(const std::filesystem::path& path, const StateLayout& layout) {
  check_state_extension(path);
  if (layout.members == 0 || layout.times == 0 || layout.dimension == 0)
    throw UsageError(fmt::format("{}: {} members of {} times of {} components are no states",
                                 path.string(), layout.members, layout.times, layout.dimension));
  const double bytes = 4.0 * static_cast<double>(layout.members) *
                       static_cast<double>(layout.times) * static_cast<double>(layout.dimension);
  if (path.extension() == ".npy" && bytes > 4e9)
    throw UsageError(
        fmt::format("{}: {:.0f} GB are too much for .npy, which is put together in "
                    "memory (choose .nc, which is streamed)",
                    path.string(), bytes / 1e9));
  std::filesystem::path folder = std::filesystem::absolute(path).lexically_normal().parent_path();
  std::error_code unknown;
  while (!std::filesystem::exists(folder, unknown) && folder.has_relative_path())
    folder = folder.parent_path();
  const auto space = std::filesystem::space(folder, unknown);
  if (!unknown && bytes > static_cast<double>(space.available))
    throw OutputError(fmt::format("{}: {:.3g} GB of states, and {} has room for {:.3g} GB",
                                  path.string(), bytes / 1e9, folder.string(),
                                  static_cast<double>(space.available) / 1e9));
}

States read_states(const std::filesystem::path& path, std::size_t dimension) {
  check_state_extension(path);
  States states = path.extension() == ".nc" ? read_netcdf_states(path) : read_npy_states(path);
  const StateLayout& layout = states.layout;
  if (states.values.empty()) throw InputError(fmt::format("{}: holds no states", path.string()));
  if (dimension != 0 && layout.dimension != dimension)
    throw InputError(fmt::format("{}: states have {} components; {} are needed", path.string(),
                                 layout.dimension, dimension));
  // Values near 1e37 are what NetCDF fills holes with.
  const float* values = states.values.data();
  for (std::size_t i = 0; i < states.values.size(); ++i) {
    if (std::abs(values[i]) < 1e30f) continue;
    const std::size_t row = i / layout.dimension;
    throw InputError(fmt::format("{}: member {}, time {}, component {} is {}: {}", path.string(),
                                 row / layout.times, row % layout.times, i % layout.dimension,
                                 values[i], std::isfinite(values[i]) ? "missing" : "not finite"));
  }
  return states;
}

std::unique_ptr<StateWriter> open_state_writer(const std::filesystem::path& path,
                                               const StateLayout& layout) {
  check_state_file(path, layout);
  if (path.extension() == ".nc") return open_netcdf_writer(path, layout);
  return std::make_unique<NpyStateWriter>(path, layout);
}

void write_states(const std::filesystem::path& path, const Tensor<float>& states,
                  const StateLayout& layout) {
  check_state_extension(path);
  if (path.extension() == ".npy") return write_npy(path, states);
  const auto writer = open_netcdf_writer(path, layout);
  writer->write(states.reshaped({static_cast<std::ptrdiff_t>(layout.members),
                                 static_cast<std::ptrdiff_t>(layout.times),
                                 static_cast<std::ptrdiff_t>(layout.dimension)}),
                0);
  writer->commit();
}

}  // namespace papillon::apps
