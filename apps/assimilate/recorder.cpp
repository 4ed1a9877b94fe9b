#include "papillon/apps/assimilate/recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "papillon/apps/command.hpp"
#include "papillon/nn/safetensors.hpp"
#include "papillon/tensor/errors.hpp"

namespace papillon::apps {
namespace {

constexpr const char* format_name = "papillon-twin-states";

std::string metadata(const SafetensorsFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? std::string() : found->second;
}

}  // namespace

Recorder::Recorder(std::size_t trajectories, std::size_t dimension, std::size_t observations,
                   std::uint64_t first, std::uint64_t count, double time_between)
    : first_(first), count_(count) {
  const double bytes = 8.0 * static_cast<double>(trajectories) * static_cast<double>(count) *
                       static_cast<double>(3 * dimension + observations);
  if (bytes > 4e9)
    throw UsageError(
        fmt::format("--store {}: {:.0f} GB of states are too many to keep", count, bytes / 1e9));
  states_.first_cycle = first;
  states_.time_between = time_between;
  for (std::size_t i = 0; i < 4; ++i)
    *values(i) = Tensor<double>::full({trajectories, count, i < 3 ? dimension : observations},
                                      std::numeric_limits<double>::quiet_NaN());
}

Tensor<double>* Recorder::values(std::size_t i) {
  Tensor<double>* all[] = {&states_.truth, &states_.background, &states_.analysis,
                           &states_.observation};
  return all[i];
}

void Recorder::add(const TwinRecord& record) {
  const std::size_t cycles = record.truth.extent(1);
  const std::uint64_t begin = std::max<std::uint64_t>(first_, record.first_cycle),
                      end = std::min<std::uint64_t>(first_ + count_, record.first_cycle + cycles);
  if (begin >= end) return;
  const Tensor<double>* from[] = {&record.truth, &record.background, &record.analysis,
                                  &record.observations};
  for (std::size_t i = 0; i < 4; ++i) {
    Tensor<double>& to = *values(i);
    const std::size_t width = to.extent(2);
    for (std::size_t k = 0; k < to.extent(0); ++k)
      std::copy_n(from[i]->data() + (k * cycles + (begin - record.first_cycle)) * width,
                  (end - begin) * width, to.data() + (k * count_ + (begin - first_)) * width);
  }
}

void Recorder::write(const std::filesystem::path& path,
                     std::map<std::string, std::string> attributes) {
  states_.attributes = std::move(attributes);
  write_twin_states(path, states_);
}

void Recorder::save(const std::filesystem::path& path, const RunSettings& identity) const {
  SafetensorsFile file;
  file.metadata["format"] = format_name;
  file.metadata["identity"] = to_text(identity);
  for (std::size_t i = 0; i < 4; ++i) file.add(names[i], *const_cast<Recorder*>(this)->values(i));
  write_safetensors(path, file);
}

void Recorder::load(const std::filesystem::path& path, const RunSettings& identity) {
  const SafetensorsFile file = read_safetensors(path);
  if (metadata(file, "format") != format_name)
    throw InputError(fmt::format("{}: not the states of a twin experiment", path.string()));
  require_same(path.string(), metadata(file, "identity"), identity);
  std::array<Tensor<double>, 4> read;
  for (std::size_t i = 0; i < 4; ++i) {
    read[i] = file.tensor<double>(names[i]);
    if (read[i].shape() != values(i)->shape())
      throw InputError(fmt::format("{}: '{}' has shape {}; should be {}", path.string(), names[i],
                                   to_string(read[i].shape()), to_string(values(i)->shape())));
  }
  for (std::size_t i = 0; i < 4; ++i) *values(i) = std::move(read[i]);
}

RunSettings Recorder::identity_of(const std::filesystem::path& path) {
  return parse_run_settings(metadata(read_safetensors(path), "identity"));
}

}  // namespace papillon::apps
